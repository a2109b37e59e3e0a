// SPDX-License-Identifier: MIT
#include "io/documents/documents.hpp"
#include "io/documents/fields.hpp"

namespace io::documents {

namespace {

// Of what a publisher says of itself: three strings, each written up to here ...
constexpr std::size_t longest_said = 32 * 1024;
// ... in which a byte that is no UTF-8 becomes three,
constexpr std::size_t longest_string = 3 * longest_said;
// and a control character six ("\u0001") in the document. The rest is below 64 KiB.
constexpr std::size_t longest_entry = 3 * 6 * longest_said + 64 * 1024;

core::publish read_publish(fields& of) {
  core::publish x;
  x.key.app = of.text("app", 120);
  x.key.stream = of.text("stream", 120);
  x.sequence = of.text("sequence", 64);
  x.params = of.text("params", longest_string);
  x.protocol = of.text("protocol", 32);
  x.address = of.text("address", 255);
  x.agent = of.text("agent", longest_string);
  x.domain = of.text("domain", longest_string);
  x.since = of.time("since");
  if (of.ok() && (!is_name(x.key.app) || !is_name(x.key.stream)))
    of.refuse("app", "and stream are no names of a stream");
  return x;
}

} // namespace

nlohmann::json publish(const core::publish& x) {
  return {{"app", x.key.app},
          {"stream", x.key.stream},
          {"sequence", x.sequence},
          {"params", x.params.substr(0, longest_said)},
          {"protocol", x.protocol},
          {"address", x.address},
          {"agent", x.agent.substr(0, longest_said)},
          {"domain", x.domain.substr(0, longest_said)},
          {"since", rfc3339(x.since)}};
}

core::result<core::publish> to_publish(const nlohmann::json& x) {
  fields from{x, "publish"};
  auto out = read_publish(from);
  if (!from.ok())
    return from.why();
  return out;
}

std::string journal(const core::journal_entry& x) {
  return text({{"file_id", std::to_string(x.slot.id)},
               {"video_id", x.slot.video_id},
               {"folder", x.slot.folder},
               {"name", x.slot.name},
               {"format", core::to_string(x.what)},
               {"segment", x.segment.count()},
               {"recording_id", x.recording_id},
               {"reason", x.reason},
               {"publish", publish(x.of)}});
}

core::result<core::journal_entry> to_journal(std::string_view text) {
  fields from{text, longest_entry, "journal entry"};
  core::journal_entry x;
  x.slot.id = from.id("file_id");
  x.slot.video_id = from.text("video_id", 64);
  x.slot.folder = from.text("folder");
  x.slot.name = from.text("name", 255);
  x.what = from.named<core::format>("format", core::to_format);
  x.segment = core::nanos{from.integer("segment", 0, INT64_MAX)};
  x.recording_id = from.text("recording_id", 64);
  x.reason = from.text("reason", 32);
  const auto& publish_object = from.object("publish");
  if (!from.ok())
    return from.why();
  if (x.slot.folder.empty() || x.slot.folder.front() != '/')
    from.refuse("folder", "is not absolute");
  if (!is_name(x.slot.name))
    from.refuse("name", "is no file name");

  fields of{publish_object, "journal entry: publish"};
  x.of = read_publish(of);
  if (!from.ok())
    return from.why();
  if (!of.ok())
    return of.why();
  return x;
}

} // namespace io::documents
