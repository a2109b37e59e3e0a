// SPDX-License-Identifier: MIT
#include "config/schema.hpp"

#include "config/table.hpp"

namespace config {

namespace {

json schema_of(const key& x);

json object_of(const key& x) {
  json out;
  out["type"] = "object";
  out["additionalProperties"] = false;
  out["properties"] = json::object();
  json required = json::array();
  for (const auto& y : x.keys) {
    out["properties"][y.name] = schema_of(y);
    if (y.is_required)
      required.push_back(y.name);
  }
  if (!required.empty())
    out["required"] = required;
  return out;
}

json text_of(const key& x) {
  json out{{"type", "string"}};
  if (x.least > 0)
    out["minLength"] = 1;
  return out;
}

json type_of(const key& x) {
  switch (x.what) {
  case kind::boolean:
    return {{"type", "boolean"}};
  case kind::integer:
    return {{"type", "integer"}, {"minimum", x.least}, {"maximum", x.most}};
  // The limits of texts are bytes, those of a schema are characters: only the description has them.
  case kind::text:
  case kind::secret:
    return text_of(x);
  case kind::choice:
    return {{"enum", x.choices}};
  case kind::duration:
    return {{"type", "string"}, {"pattern", "^[0-9]{1,9}(ms|s|m|h|d)$"}};
  case kind::size:
    return {{"type", "string"}, {"pattern", "^[0-9]{1,9}([KMGT]i?B|B)$"}};
  case kind::secrets: {
    json many{{"type", "array"}, {"items", text_of(x)}, {"maxItems", defaults::keys_most}};
    if (x.least > 0)
      many["minItems"] = 1;
    return {{"anyOf", json::array({text_of(x), many})}};
  }
  case kind::texts:
    return {{"type", "array"},
            {"items", {{"type", "string"}}},
            {"minItems", x.least},
            {"maxItems", x.most}};
  case kind::events: {
    json names = x.choices;
    for (int n : x.numbers)
      names.push_back(n);
    return {{"type", "array"},
            {"items", {{"enum", names}}},
            {"minItems", x.least},
            {"uniqueItems", true}};
  }
  case kind::object:
    return object_of(x);
  case kind::list:
    return {{"type", "array"}, {"items", object_of(x)}, {"maxItems", x.most}};
  }
  return json::object();
}

json schema_of(const key& x) {
  json out;
  const bool has_limits = x.what == kind::duration || x.what == kind::size;
  out["description"] = x.doc + (has_limits ? " Allowed: " + allowed(x) + "." : "");
  out.update(type_of(x));
  if (!x.standard.is_null() && x.what != kind::object)
    out["default"] = x.standard;
  return out;
}

} // namespace

std::string schema() {
  json out;
  out["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  out["title"] = "livetape";
  out.update(schema_of(root()));
  return out.dump(2) + "\n";
}

} // namespace config
