// SPDX-License-Identifier: MIT
#pragma once

#include "core/mux/fragment.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tests {

/// A folder in memory that can die like a process: from effect number `die_at` on nothing reaches
/// the files any more, of that effect itself only half. Or one effect, `fail_at`, does nothing but
/// fail.
class memory_folder : public core::mux::folder {
public:
  struct state {
    std::map<std::string, core::bytes, std::less<>> files;
    std::size_t effects = 0;
    std::size_t die_at = std::numeric_limits<std::size_t>::max();
    std::size_t fail_at = std::numeric_limits<std::size_t>::max();
    std::size_t appends = 0;
    bool has_holes = true; // like a file system that can make a file longer
  };

  core::bytes& operator[](const std::string& name) { return all->files[name]; }
  /// Of all files together.
  std::uint64_t size() const {
    std::uint64_t out = 0;
    for (const auto& [name, data] : all->files)
      out += data.size();
    return out;
  }

  core::result<std::unique_ptr<core::mux::file>> create(std::string_view name) override {
    if (exists(name))
      return core::failure{core::errc::already_exists, "it is there already"};
    if (all->effects++ >= all->die_at)
      return core::failure{core::errc::no_space, "dead"};
    all->files[std::string{name}] = {};
    return open(name);
  }
  core::result<std::unique_ptr<core::mux::file>> open(std::string_view name) override {
    if (!exists(name))
      return core::failure{core::errc::not_found, "it is not there"};
    return std::unique_ptr<core::mux::file>{
        std::make_unique<memory_file>(*this, std::string{name})};
  }
  core::result<void> remove(std::string_view name) override {
    if (all->effects++ >= all->die_at)
      return core::failure{core::errc::no_space, "dead"};
    if (!all->files.erase(std::string{name}))
      return core::failure{core::errc::not_found, "it is not there"};
    return {};
  }
  bool exists(std::string_view name) const override {
    return all->files.count(std::string{name}) > 0;
  }
  std::vector<std::string> list() const override {
    std::vector<std::string> out;
    for (const auto& [name, data] : all->files)
      out.push_back(name);
    return out;
  }

  std::shared_ptr<state> all = std::make_shared<state>();

private:
  class memory_file : public core::mux::file {
  public:
    memory_file(memory_folder& in, std::string name) : all_{in.all}, name_{std::move(name)} {}
    core::result<void> append(core::byte_view x) override {
      ++all_->appends;
      auto n = allowed(x.size());
      data().insert(data().end(), x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n));
      return answer(n == x.size());
    }
    core::result<void> write_at(std::uint64_t offset, core::byte_view x) override {
      if (offset > data().size())
        return core::failure{core::errc::internal, "a hole"};
      auto n = allowed(x.size());
      if (offset + n > data().size())
        data().resize(offset + n);
      std::copy_n(x.begin(), n, data().begin() + static_cast<std::ptrdiff_t>(offset));
      return answer(n == x.size());
    }
    core::result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
      if (offset >= data().size())
        return std::size_t{0};
      auto n = std::min<std::size_t>(into.size(), data().size() - offset);
      std::copy_n(data().begin() + static_cast<std::ptrdiff_t>(offset), n, into.begin());
      return n;
    }
    core::result<void> truncate(std::uint64_t size) override {
      bool alive = is_alive() && (all_->has_holes || size <= data().size());
      if (alive)
        data().resize(size);
      return answer(alive);
    }
    void release(std::uint64_t offset, std::uint64_t size) override {
      if (is_alive())
        std::fill_n(data().begin() + static_cast<std::ptrdiff_t>(offset), size, std::uint8_t{0});
    }
    std::uint64_t size() const override { return all_->files.at(name_).size(); }

  private:
    core::bytes& data() { return all_->files.at(name_); }
    std::size_t allowed(std::size_t n) {
      auto number = all_->effects++;
      if (number == all_->fail_at)
        return 0;
      return number < all_->die_at ? n : number == all_->die_at ? n / 2 : 0;
    }
    bool is_alive() {
      auto number = all_->effects++;
      return number < all_->die_at && number != all_->fail_at;
    }
    static core::result<void> answer(bool good) {
      if (!good)
        return core::failure{core::errc::no_space, "dead"};
      return {};
    }
    std::shared_ptr<state> all_;
    std::string name_;
  };
};

/// A real folder, for what real programs shall judge. Removed with its files at the end.
class disk_folder : public core::mux::folder {
public:
  explicit disk_folder(const std::string& name)
      : path{std::filesystem::temp_directory_path()
             / ("livetape-" + name + "-" + std::to_string(unique()))} {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~disk_folder() override { std::filesystem::remove_all(path); }
  disk_folder(const disk_folder&) = delete;
  disk_folder& operator=(const disk_folder&) = delete;

  core::result<std::unique_ptr<core::mux::file>> create(std::string_view name) override {
    if (exists(name))
      return core::failure{core::errc::already_exists, "it is there already"};
    std::ofstream{path / name};
    return open(name);
  }
  core::result<std::unique_ptr<core::mux::file>> open(std::string_view name) override {
    if (!exists(name))
      return core::failure{core::errc::not_found, "it is not there"};
    return std::unique_ptr<core::mux::file>{std::make_unique<disk_file>(path / name)};
  }
  core::result<void> remove(std::string_view name) override {
    std::filesystem::remove(path / name);
    return {};
  }
  bool exists(std::string_view name) const override { return std::filesystem::exists(path / name); }
  std::vector<std::string> list() const override {
    std::vector<std::string> out;
    for (const auto& x : std::filesystem::directory_iterator{path})
      out.push_back(x.path().filename());
    return out;
  }

  std::filesystem::path path;

private:
  static std::uint64_t unique() {
    static int here;
    return reinterpret_cast<std::uintptr_t>(&here)
           ^ static_cast<std::uint64_t>(
               std::chrono::steady_clock::now().time_since_epoch().count());
  }

  class disk_file : public core::mux::file {
  public:
    explicit disk_file(std::filesystem::path at)
        : at_{std::move(at)}, stream_{at_, std::ios::in | std::ios::out | std::ios::binary} {}
    core::result<void> append(core::byte_view x) override { return write_at(size(), x); }
    core::result<void> write_at(std::uint64_t offset, core::byte_view x) override {
      stream_.clear();
      stream_.seekp(static_cast<std::streamoff>(offset));
      stream_.write(reinterpret_cast<const char*>(x.data()),
                    static_cast<std::streamsize>(x.size()));
      stream_.flush();
      if (!stream_)
        return core::failure{core::errc::storage_failed, "not written"};
      return {};
    }
    core::result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
      stream_.clear();
      stream_.seekg(static_cast<std::streamoff>(offset));
      stream_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
      return static_cast<std::size_t>(stream_.gcount());
    }
    core::result<void> truncate(std::uint64_t size) override {
      std::filesystem::resize_file(at_, size);
      return {};
    }
    std::uint64_t size() const override { return std::filesystem::file_size(at_); }

  private:
    std::filesystem::path at_;
    std::fstream stream_;
  };
};

} // namespace tests
