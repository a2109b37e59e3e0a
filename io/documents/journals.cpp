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

} // namespace

std::string journal(const core::journal_entry& x) {
  return text({{"file_id", std::to_string(x.slot.id)},
               {"video_id", x.slot.video_id},
               {"folder", x.slot.folder},
               {"name", x.slot.name},
               {"format", core::to_string(x.what)},
               {"segment", x.segment.count()},
               {"recording_id", x.recording_id},
               {"reason", x.reason},
               {"publish",
                {{"app", x.of.key.app},
                 {"stream", x.of.key.stream},
                 {"sequence", x.of.sequence},
                 {"params", x.of.params.substr(0, longest_said)},
                 {"protocol", x.of.protocol},
                 {"address", x.of.address},
                 {"agent", x.of.agent.substr(0, longest_said)},
                 {"domain", x.of.domain.substr(0, longest_said)},
                 {"since", rfc3339(x.of.since)}}}});
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
  x.of.key.app = of.text("app", 120);
  x.of.key.stream = of.text("stream", 120);
  x.of.sequence = of.text("sequence", 64);
  x.of.params = of.text("params", longest_string);
  x.of.protocol = of.text("protocol", 32);
  x.of.address = of.text("address", 255);
  x.of.agent = of.text("agent", longest_string);
  x.of.domain = of.text("domain", longest_string);
  x.of.since = of.time("since");
  if (of.ok() && (!is_name(x.of.key.app) || !is_name(x.of.key.stream)))
    of.refuse("app", "and stream are no names of a stream");
  if (!from.ok())
    return from.why();
  if (!of.ok())
    return of.why();
  return x;
}

} // namespace io::documents
