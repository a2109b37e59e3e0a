// SPDX-License-Identifier: MIT
#pragma once

#include "config/reading.hpp"
#include "config/units.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What the table is written with: each function makes one key and ties it to its place in a
/// struct. A place is a member pointer, or a function from the struct to a reference.
namespace config {

template <class Owner> struct field {
  key about;
  std::function<void(reading&, const json&, Owner&)> read;
  std::function<json(const Owner&)> show;
};

template <class Owner> using fields = std::vector<field<Owner>>;

template <class T, class Value> void assign(T& to, Value x) { to = static_cast<T>(std::move(x)); }
template <class T, class Value> void assign(std::optional<T>& to, Value x) {
  to = static_cast<T>(std::move(x));
}

template <class T, class Show> json shown(const T& x, Show show) { return json(show(x)); }
template <class T, class Show> json shown(const std::optional<T>& x, Show show) {
  return x ? json(show(*x)) : json();
}

/// `read` gives an optional value, `show` writes it as the file would.
template <class Owner, class Place, class Read, class Show>
field<Owner> value(const key& about, Place place, Read read, Show show) {
  return {about,
          [about, place, read](reading& r, const json& x, Owner& o) {
            if (auto v = read(r, x, about))
              assign(std::invoke(place, o), std::move(*v));
          },
          [place, show](const Owner& o) { return shown(std::invoke(place, o), show); }};
}

template <class Owner> field<Owner> required(field<Owner> x) {
  x.about.is_required = true;
  return x;
}

inline constexpr auto as_it_is = [](const auto& x) { return x; };

template <class Owner, class Place>
field<Owner> boolean(std::string name, Place place, std::string doc) {
  return value<Owner>({std::move(name), kind::boolean, std::move(doc)}, place,
                      std::mem_fn(&reading::boolean), as_it_is);
}

template <class Owner, class Place>
field<Owner> integer(std::string name, Place place, std::int64_t least, std::int64_t most,
                     std::string doc) {
  return value<Owner>({std::move(name), kind::integer, std::move(doc), least, most}, place,
                      std::mem_fn(&reading::integer), as_it_is);
}

template <class Owner, class Place>
field<Owner> duration(std::string name, Place place, core::millis least, core::millis most,
                      std::string doc) {
  return value<Owner>(
      {std::move(name), kind::duration, std::move(doc), least.count(), most.count()}, place,
      std::mem_fn(&reading::duration),
      [](const auto& x) { return duration_text(std::chrono::duration_cast<core::millis>(x)); });
}

template <class Owner, class Place>
field<Owner> size(std::string name, Place place, std::uint64_t least, std::uint64_t most,
                  std::string doc) {
  return value<Owner>({std::move(name), kind::size, std::move(doc),
                       static_cast<std::int64_t>(least), static_cast<std::int64_t>(most)},
                      place, std::mem_fn(&reading::size),
                      [](std::uint64_t x) { return size_text(x); });
}

/// Text that `convert(text, surroundings)` accepts: a core::result of what the struct holds.
template <class Owner, class Place, class Convert, class Show>
field<Owner> converted(std::string name, Place place, std::size_t least, std::size_t most,
                       Convert convert, Show show, std::string doc) {
  const auto read = [convert](reading& r, const json& x, const key& k)
      -> std::optional<std::remove_cvref_t<decltype(*convert(std::string(), r.world()))>> {
    const auto text = r.text(x, k);
    if (!text)
      return std::nullopt;
    auto y = convert(*text, r.world());
    if (y)
      return std::move(*y);
    r.refuse(y.error().what);
    return std::nullopt;
  };
  return value<Owner>({std::move(name), kind::text, std::move(doc),
                       static_cast<std::int64_t>(least), static_cast<std::int64_t>(most)},
                      place, read, show);
}

template <class Owner, class Place, class Check>
field<Owner> text(std::string name, Place place, std::size_t least, std::size_t most, Check check,
                  std::string doc) {
  return converted<Owner>(std::move(name), place, least, most, check, as_it_is, std::move(doc));
}

/// One of the names, which stand in the order of the enum's values.
template <class Owner, class Enum, class Place>
field<Owner> choice(std::string name, Place place, std::vector<std::string> names,
                    std::string doc) {
  key about{std::move(name), kind::choice, std::move(doc)};
  about.choices = names;
  const auto read = [](reading& r, const json& x, const key& k) -> std::optional<Enum> {
    if (const auto text = r.choice(x, k))
      for (std::size_t i = 0; i < k.choices.size(); ++i)
        if (k.choices[i] == *text)
          return static_cast<Enum>(i);
    return std::nullopt;
  };
  return value<Owner>(about, place, read,
                      [names](Enum x) { return names.at(static_cast<std::size_t>(x)); });
}

inline constexpr auto hidden = "***";

template <class Owner, class Place>
field<Owner> secret(std::string name, Place place, std::size_t least, std::string doc) {
  return value<Owner>({std::move(name), kind::secret, std::move(doc),
                       static_cast<std::int64_t>(least),
                       static_cast<std::int64_t>(defaults::secret_most)},
                      place, std::mem_fn(&reading::secret),
                      [](const std::string& x) { return std::string(x.empty() ? "" : hidden); });
}

/// `least` 0: there may be none.
template <class Owner, class Place>
field<Owner> secrets(std::string name, Place place, std::size_t least, std::string doc) {
  return value<Owner>({std::move(name), kind::secrets, std::move(doc),
                       static_cast<std::int64_t>(least),
                       static_cast<std::int64_t>(defaults::secret_most)},
                      place, std::mem_fn(&reading::secrets), [](const std::vector<std::string>& x) {
                        if (x.size() < 2)
                          return json(std::string(x.empty() ? "" : hidden));
                        return json(std::vector<std::string>(x.size(), hidden));
                      });
}

// -- keys that hold keys -------------------------------------------------------------------------

/// Fills in the keys of an object whose defaults are those of `sample`.
template <class Member>
void describe_keys(key& about, const fields<Member>& members, const Member& sample) {
  for (const auto& x : members) {
    about.keys.push_back(x.about);
    if (!x.about.is_required)
      about.keys.back().standard = x.show(sample);
  }
}

template <class Member>
void read_keys(reading& r, const json& x, const key& about, const fields<Member>& members,
               Member& to) {
  if (!r.object(x, about))
    return;
  for (const auto& member : members)
    if (const auto it = x.find(member.about.name); it != x.end()) {
      reading::step at(r, member.about.name);
      member.read(r, *it, to);
    }
}

template <class Member> json show_keys(const fields<Member>& members, const Member& x) {
  json out = json::object();
  for (const auto& member : members)
    if (auto y = member.show(x); !y.is_null())
      out[member.about.name] = std::move(y);
  return out;
}

template <class Owner, class Member>
field<Owner> object(std::string name, Member Owner::*place, fields<Member> members,
                    std::string doc) {
  key about{std::move(name), kind::object, std::move(doc)};
  describe_keys(about, members, Member{});
  return {about,
          [=](reading& r, const json& x, Owner& o) { read_keys(r, x, about, members, o.*place); },
          [=](const Owner& o) { return show_keys(members, o.*place); }};
}

/// A list of objects; each entry begins as `begin(owner)`.
template <class Owner, class Item, class Begin>
field<Owner> list(std::string name, std::vector<Item> Owner::*place, std::size_t most, Begin begin,
                  fields<Item> members, std::string doc) {
  key about{std::move(name), kind::list, std::move(doc), 0, static_cast<std::int64_t>(most)};
  describe_keys(about, members, begin(Owner{}));
  return {about,
          [=](reading& r, const json& x, Owner& o) {
            if (!r.list(x, about))
              return;
            (o.*place).clear();
            for (std::size_t i = 0; i < x.size(); ++i) {
              reading::step at(r, i);
              read_keys(r, x[i], about, members, (o.*place).emplace_back(begin(o)));
            }
          },
          [=](const Owner& o) {
            json out = json::array();
            for (const auto& item : o.*place)
              out.push_back(show_keys(members, item));
            return out;
          }};
}

} // namespace config
