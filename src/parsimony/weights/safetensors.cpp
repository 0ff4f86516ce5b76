// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/weights/printable.h"

namespace parsimony::weights {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kPrefix = 8;  // the header's length
constexpr std::size_t kAlignment = 8;
constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference implementation's limit
constexpr int kMaxDepth = 2;                       // header > tensor > shape
constexpr std::string_view kMetadata = "__metadata__";
constexpr std::string_view kSupportedTypes = "F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL";

std::uint64_t header_length(std::span<const std::uint8_t> bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kPrefix);
  return length;
}

// Where one array lies in the data that follows the header.
struct Extent {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string_view name;
};

class Reader {
 public:
  Reader(std::span<const std::uint8_t> bytes, const std::string& origin)
      : bytes_(bytes), origin_(origin) {}

  ArrayMap read() {
    const Json header = read_header();
    ArrayMap map;
    std::vector<Extent> extents;
    for (const auto& [name, entry] : header.items()) {
      if (name == kMetadata) {
        map.metadata = read_metadata(entry);
      } else {
        read_array(name, entry, map);
      }
    }
    for (const auto& [name, array] : map.arrays) {
      const auto& offsets = header[name]["data_offsets"];
      extents.push_back({offsets[0].get<std::uint64_t>(), offsets[1].get<std::uint64_t>(), name});
    }
    check_cover(std::move(extents));
    return map;
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    core::throw_user_error(
        "{}: {}; the file is damaged or no safetensors file, write or download it again.",
        origin_,
        fmt::format(format, std::forward<Args>(args)...));
  }

  Json read_header() {
    if (bytes_.size() < kPrefix) {
      fail("holds {} bytes, expected at least {}", bytes_.size(), kPrefix);
    }
    const std::uint64_t length = header_length(bytes_);
    if (length > kMaxHeader) {
      fail("its header claims {} bytes, expected at most {}", length, kMaxHeader);
    }
    if (length > bytes_.size() - kPrefix) {
      fail("its header claims {} bytes, but only {} follow", length, bytes_.size() - kPrefix);
    }
    const auto text = bytes_.subspan(kPrefix, length);
    data_ = bytes_.subspan(kPrefix + length);
    Json header = parse_json(text);
    if (!header.is_object()) fail("its header is {}, expected an object", header.type_name());
    return header;
  }

  Json parse_json(std::span<const std::uint8_t> text) const {
    // Keys of the objects that are open, outermost first: JSON itself lets a name occur twice.
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
      if (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start) {
        if (depth > kMaxDepth) fail("its header is nested more than {} deep", kMaxDepth + 1);
      }
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key) {
        const auto& key = value.get_ref<const std::string&>();
        if (!keys.back().insert(key).second) fail("its header names '{}' twice", printable(key));
      }
      return true;
    };
    try {
      return Json::parse(text.begin(), text.end(), watch);
    } catch (const Json::exception& e) {
      fail("its header is not JSON ({})", e.what());
    }
  }

  std::map<std::string, std::string> read_metadata(const Json& entry) const {
    if (!entry.is_object()) {
      fail("{} is {}, expected an object of texts", kMetadata, entry.type_name());
    }
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) {
        fail("{} '{}' is {}, expected a text", kMetadata, printable(key), value.type_name());
      }
      metadata[key] = value.get<std::string>();
    }
    return metadata;
  }

  void read_array(const std::string& name, const Json& entry, ArrayMap& map) const {
    if (!entry.is_object())
      fail("tensor '{}' is {}, expected an object", printable(name), entry.type_name());
    Array array;
    array.type = read_type(name, entry);
    array.shape = read_integers(name, entry, "shape");
    const std::vector<std::int64_t> offsets = read_integers(name, entry, "data_offsets");
    if (offsets.size() != 2 || offsets[0] > offsets[1] ||
        static_cast<std::uint64_t>(offsets[1]) > data_.size()) {
      fail("tensor '{}' has data_offsets [{}], expected a begin and an end within {} bytes",
           printable(name),
           fmt::join(offsets, ", "),
           data_.size());
    }
    const std::int64_t size = offsets[1] - offsets[0];
    const std::optional<std::int64_t> count = count_elements(array.shape);
    std::int64_t expected = 0;
    if (!count ||
        __builtin_mul_overflow(*count, static_cast<std::int64_t>(size_of(array.type)), &expected) ||
        expected != size) {
      fail("tensor '{}' of type {} and shape [{}] has {} bytes of data, which do not fit",
           printable(name),
           name_of(array.type),
           fmt::join(array.shape, ", "),
           size);
    }
    const auto from = data_.begin() + offsets[0];
    array.bytes.assign(from, from + size);
    map.arrays.emplace(name, std::move(array));
  }

  DType read_type(const std::string& name, const Json& entry) const {
    const auto found = entry.find("dtype");
    if (found == entry.end() || !found->is_string())
      fail("tensor '{}' has no dtype", printable(name));
    const auto& text = found->get_ref<const std::string&>();
    const std::optional<DType> type = find_dtype(text);
    if (!type) {
      core::throw_user_error("{}: tensor '{}' has type '{}', expected {}; convert it before use.",
                             origin_,
                             printable(name),
                             printable(text),
                             kSupportedTypes);
    }
    return *type;
  }

  std::vector<std::int64_t> read_integers(const std::string& name,
                                          const Json& entry,
                                          const char* key) const {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_array())
      fail("tensor '{}' has no {}", printable(name), key);
    std::vector<std::int64_t> values;
    for (const Json& item : *found) {
      constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      if (!item.is_number_unsigned() || item.get<std::uint64_t>() > kMax) {
        fail("tensor '{}' has {} in its {}, expected a non-negative integer",
             printable(name),
             item.dump(-1, ' ', true, Json::error_handler_t::replace),
             key);
      }
      values.push_back(item.get<std::int64_t>());
    }
    return values;
  }

  // Every byte of the data belongs to exactly one array.
  void check_cover(std::vector<Extent> extents) const {
    std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    std::uint64_t covered = 0;
    for (const Extent& extent : extents) {
      if (extent.begin < covered) fail("the data of tensor '{}' overlaps another's", extent.name);
      if (extent.begin > covered) {
        fail("{} bytes before the data of tensor '{}' belong to no tensor",
             extent.begin - covered,
             extent.name);
      }
      covered = extent.end;
    }
    if (covered != data_.size()) {
      fail("{} bytes follow the last tensor", data_.size() - covered);
    }
  }

  std::span<const std::uint8_t> bytes_;
  std::span<const std::uint8_t> data_;
  const std::string& origin_;
};

Json header_of(const ArrayMap& map, const std::string& origin) {
  Json header = Json::object();
  if (!map.metadata.empty()) header[std::string(kMetadata)] = map.metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, array] : map.arrays) {
    if (name == kMetadata) {
      core::throw_user_error(
          "{}: a tensor is named '{}', which safetensors reserves; rename it.", origin, name);
    }
    core::require(
        array.bytes.size() == static_cast<std::size_t>(array.numel()) * size_of(array.type),
        "tensor '{}' of {} {} elements holds {} bytes",
        name,
        array.numel(),
        name_of(array.type),
        array.bytes.size());
    const std::uint64_t end = offset + array.bytes.size();
    header[name] = {
        {"dtype", name_of(array.type)}, {"shape", array.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  return header;
}

}  // namespace

ArrayMap read_safetensors(const std::filesystem::path& file) {
  return parse_safetensors(core::read_binary_file(file), file.string());
}

ArrayMap parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& origin) {
  return Reader(bytes, origin).read();
}

bool looks_like_safetensors(std::span<const std::uint8_t> bytes) {
  return bytes.size() > kPrefix && bytes[kPrefix] == '{' &&
         header_length(bytes) <= bytes.size() - kPrefix;
}

void write_safetensors(const std::filesystem::path& file, const ArrayMap& map) {
  const std::vector<std::uint8_t> content = format_safetensors(map, file.string());
  core::write_file_atomic(file, std::span<const std::uint8_t>(content));
}

std::vector<std::uint8_t> format_safetensors(const ArrayMap& map, const std::string& origin) {
  std::string header;
  try {
    header = header_of(map, origin).dump();
  } catch (const Json::exception& e) {
    core::throw_user_error(
        "{}: a tensor's name or a metadata text is not UTF-8 ({}); rename it.", origin, e.what());
  }
  header.append((kAlignment - header.size() % kAlignment) % kAlignment, ' ');

  std::size_t size = kPrefix + header.size();
  for (const auto& [name, array] : map.arrays) size += array.bytes.size();
  std::vector<std::uint8_t> bytes(size);
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, kPrefix);
  auto to = std::copy(header.begin(), header.end(), bytes.begin() + kPrefix);
  for (const auto& [name, array] : map.arrays) {
    to = std::copy(array.bytes.begin(), array.bytes.end(), to);
  }
  return bytes;
}

}  // namespace parsimony::weights
