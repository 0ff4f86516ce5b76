// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/pth.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/core/text.h"
#include "parsimony/weights/memory_budget.h"
#include "parsimony/weights/pickle.h"
#include "parsimony/weights/printable.h"
#include "parsimony/weights/state_dict.h"
#include "parsimony/weights/zip_archive.h"

namespace parsimony::weights {
namespace {

using pickle::Machine;
using pickle::Storage;
using pickle::Value;

// What torch.save pickles first in the legacy format: 0x1950a86a20f9469cfc6c, then 1001.
constexpr std::string_view kLegacyMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::int64_t kLegacyVersion = 1001;
constexpr std::uint8_t kPickleStart = 0x80;

[[noreturn]] void fail_big_endian(const std::string& origin) {
  core::throw_user_error(
      "{}: was written on a big-endian machine, expected little-endian; load and save it again on "
      "a "
      "little-endian one.",
      origin);
}

// "NAME/" of the entries "NAME/data.pkl", "NAME/data/0", ...
std::string find_prefix(const ZipArchive& archive, const std::string& origin) {
  constexpr std::string_view kPickle = "data.pkl";
  for (const std::string& name : archive.names()) {
    const std::string_view folder = std::string_view(name).substr(0, name.find('/') + 1);
    if (name.substr(folder.size()) == kPickle) return std::string(folder);
  }
  const std::vector<std::string> names = archive.names();
  core::throw_user_error(
      "{}: is a zip archive without 'data.pkl' (it holds {} entries, the first is '{}'), expected "
      "a file "
      "of torch.save.",
      origin,
      names.size(),
      names.empty() ? "" : printable(names.front()));
}

ArrayMap parse_zip(std::span<const std::uint8_t> bytes, const std::string& origin) {
  MemoryBudget budget(bytes.size(), origin);
  ZipArchive archive(bytes, origin, budget);
  const std::string prefix = find_prefix(archive, origin);
  if (archive.contains(prefix + "constants.pkl")) {
    core::throw_user_error(
        "{}: is a TorchScript archive, expected a state dict; in Python, save torch.jit.load(FILE)"
        ".state_dict().",
        origin);
  }
  if (archive.contains(prefix + "byteorder")) {
    const auto order = archive.read(prefix + "byteorder");
    const std::string_view text(reinterpret_cast<const char*>(order.data()), order.size());
    if (core::trim(text) != "little") fail_big_endian(origin);
  }
  Machine machine(budget);
  ByteReader in(archive.read(prefix + "data.pkl"), origin);
  const Value* root = machine.run(in);
  const auto find_storage = [&](const Storage& storage) {
    return archive.read(prefix + "data/" + storage.key);
  };
  return pickle::to_array_map(*root, find_storage, budget, origin);
}

void check_legacy_head(Machine& machine, ByteReader& in) {
  const auto* magic = machine.run(in)->as<pickle::BigInteger>();
  if (magic == nullptr || magic->bytes != kLegacyMagic) {
    core::throw_user_error(
        "{}: is a pickle, but not of torch.save; in Python, save model.state_dict().", in.origin());
  }
  const auto* version = machine.run(in)->as<std::int64_t>();
  if (version == nullptr || *version != kLegacyVersion) {
    core::throw_user_error(
        "{}: has legacy format version {}, expected {}; save it with a later PyTorch.",
        in.origin(),
        version == nullptr ? "none" : std::to_string(*version),
        kLegacyVersion);
  }
  const auto* system = machine.run(in)->as<pickle::Dict>();
  if (system == nullptr) {
    core::throw_user_error("{}: does not describe its machine; it is damaged, get it again.",
                           in.origin());
  }
  for (const auto& [key, value] : system->items) {
    const auto* name = key->as<std::string>();
    const auto* truth = value->as<bool>();
    if (name != nullptr && *name == "little_endian" && truth != nullptr && !*truth) {
      fail_big_endian(in.origin());
    }
  }
}

// Behind the pickles: the keys in the order of their storages, then count and elements of each.
std::map<std::string, std::span<const std::uint8_t>> read_legacy_storages(Machine& machine,
                                                                          ByteReader& in) {
  const auto* keys = machine.run(in)->as<pickle::Sequence>();
  if (keys == nullptr) {
    core::throw_user_error("{}: has no list of storages; it is damaged, get it again.",
                           in.origin());
  }
  std::map<std::string, std::span<const std::uint8_t>> contents;
  for (const Value* item : keys->items) {
    const auto* key = item->as<std::string>();
    const auto found = key == nullptr ? machine.storages().end() : machine.storages().find(*key);
    if (found == machine.storages().end()) {
      core::throw_user_error(
          "{}: lists storage '{}' that no tensor uses; it is damaged, get it again.",
          in.origin(),
          key == nullptr ? pickle::kind_of(*item) : printable(*key));
    }
    const Storage& storage = found->second;
    const std::uint64_t count = in.u64();
    if (count != static_cast<std::uint64_t>(storage.count)) {
      core::throw_user_error(
          "{}: storage '{}' has {} elements, expected {}; it is damaged, get it again.",
          in.origin(),
          printable(storage.key),
          count,
          storage.count);
    }
    const std::size_t element = size_of(storage.type);
    if (count > in.remaining() / element) {
      core::throw_user_error(
          "{}: ends within storage '{}' of {} {} elements; it is cut short, download it again.",
          in.origin(),
          printable(storage.key),
          count,
          name_of(storage.type));
    }
    contents[*key] = in.take(count * element);
  }
  return contents;
}

ArrayMap parse_legacy(std::span<const std::uint8_t> bytes, const std::string& origin) {
  MemoryBudget budget(bytes.size(), origin);
  ByteReader in(bytes, origin);
  Machine machine(budget);
  check_legacy_head(machine, in);
  const Value* root = machine.run(in);
  const auto contents = read_legacy_storages(machine, in);
  const auto find_storage = [&](const Storage& storage) {
    const auto found = contents.find(storage.key);
    if (found == contents.end()) {
      core::throw_user_error(
          "{}: lacks storage '{}'; it is damaged, get it again.", origin, printable(storage.key));
    }
    return found->second;
  };
  return pickle::to_array_map(*root, find_storage, budget, origin);
}

}  // namespace

ArrayMap read_pth(const std::filesystem::path& file) {
  return parse_pth(core::read_binary_file(file), file.string());
}

ArrayMap parse_pth(std::span<const std::uint8_t> bytes, const std::string& origin) {
  return looks_like_zip(bytes) ? parse_zip(bytes, origin) : parse_legacy(bytes, origin);
}

bool looks_like_legacy_pth(std::span<const std::uint8_t> bytes) {
  return !bytes.empty() && bytes.front() == kPickleStart;
}

}  // namespace parsimony::weights
