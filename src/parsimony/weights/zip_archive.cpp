// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/zip_archive.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "parsimony/core/error.h"
#include "parsimony/weights/printable.h"

namespace parsimony::weights {
namespace {

// Signatures and sizes of the records of the zip format (PKWARE APPNOTE 6.3.10, section 4.3).
constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kZip64End = 0x06064b50;
constexpr std::uint32_t kZip64Locator = 0x07064b50;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kZip64LocatorSize = 20;
constexpr std::size_t kMaxComment = 65535;
constexpr std::uint16_t kZip64Extra = 0x0001;
constexpr std::uint16_t kEncrypted = 0x0001;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
// A field with this value stands in the zip64 extra field instead.
constexpr std::uint32_t kElsewhere = 0xffffffff;
// No deflate stream unfolds to more than 1032 times its size.
constexpr std::uint64_t kMaxRatio = 1032;

template <typename... Args>
[[noreturn]] void fail(const std::string& origin,
                       fmt::format_string<Args...> format,
                       Args&&... args) {
  core::throw_user_error("{}: {}; the archive is damaged, write or download it again.",
                         origin,
                         fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace

ZipArchive::ZipArchive(std::span<const std::uint8_t> bytes,
                       std::string origin,
                       MemoryBudget& budget)
    : bytes_(bytes), origin_(std::move(origin)), budget_(budget) {
  const Directory directory = find_directory();
  ByteReader in(bytes_, origin_);
  in.seek(directory.offset);
  for (std::uint64_t i = 0; i < directory.entries; ++i) read_directory_entry(in);
}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

ZipArchive::Directory ZipArchive::find_directory() const {
  ByteReader in(bytes_, origin_);
  if (bytes_.size() < kEndSize) fail(origin_, "holds {} bytes, too few for a zip", bytes_.size());
  // The end record is followed by a comment of unknown length, so it is looked for backwards.
  const std::size_t last = bytes_.size() - kEndSize;
  const std::size_t first = last - std::min(last, kMaxComment);
  std::size_t end = last;
  for (;; --end) {
    in.seek(end);
    if (in.u32() == kEnd) break;
    if (end == first) fail(origin_, "has no end-of-directory record");
  }
  in.seek(end + 10);
  Directory directory;
  directory.entries = in.u16();
  in.take(4);  // size of the directory
  directory.offset = in.u32();

  if (end < kZip64LocatorSize) return directory;
  in.seek(end - kZip64LocatorSize);
  if (in.u32() != kZip64Locator) return directory;
  in.take(4);  // disk
  in.seek(in.u64());
  if (in.u32() != kZip64End) fail(origin_, "has no zip64 directory where it points at one");
  in.take(8 + 2 + 2 + 4 + 4 + 8);  // size, versions, disks, entries on this disk
  directory.entries = in.u64();
  in.take(8);  // size of the directory
  directory.offset = in.u64();
  return directory;
}

void ZipArchive::read_directory_entry(ByteReader& in) {
  if (in.u32() != kDirectoryEntry) fail(origin_, "has a broken directory");
  in.take(4);  // versions
  const std::uint16_t flags = in.u16();
  Entry entry;
  entry.method = in.u16();
  in.take(4);  // time and date
  entry.checksum = in.u32();
  entry.packed_size = in.u32();
  entry.size = in.u32();
  const std::uint16_t name_size = in.u16();
  const std::uint16_t extra_size = in.u16();
  const std::uint16_t comment_size = in.u16();
  in.take(2 + 2 + 4);  // disk, attributes
  entry.local_header = in.u32();
  const std::string name(in.take_text(name_size));
  ByteReader extra(in.take(extra_size), origin_);
  in.take(comment_size);

  while (extra.remaining() >= 4) {
    const std::uint16_t id = extra.u16();
    ByteReader field(extra.take(extra.u16()), origin_);
    if (id != kZip64Extra) continue;
    if (entry.size == kElsewhere) entry.size = field.u64();
    if (entry.packed_size == kElsewhere) entry.packed_size = field.u64();
    if (entry.local_header == kElsewhere) entry.local_header = field.u64();
  }
  if ((flags & kEncrypted) != 0) {
    core::throw_user_error("{}: entry '{}' is encrypted; write the file without a password.",
                           origin_,
                           printable(name));
  }
  if (entry.method != kStored && entry.method != kDeflated) {
    core::throw_user_error(
        "{}: entry '{}' is compressed by method {}, expected stored or deflated; pack it again.",
        origin_,
        printable(name),
        entry.method);
  }
  if (!entries_.emplace(name, entry).second)
    fail(origin_, "holds entry '{}' twice", printable(name));
}

std::span<const std::uint8_t> ZipArchive::packed_bytes(const Entry& entry) const {
  ByteReader in(bytes_, origin_);
  in.seek(entry.local_header);
  if (in.u32() != kLocalHeader) fail(origin_, "has no entry at byte {}", entry.local_header);
  // The rest repeats the directory, or is left to a data descriptor.
  in.take(2 + 2 + 2 + 4 + 4 + 4 + 4);
  const std::uint16_t name_size = in.u16();
  const std::uint16_t extra_size = in.u16();
  in.take(name_size);
  in.take(extra_size);
  return in.take(entry.packed_size);
}

std::span<const std::uint8_t> ZipArchive::read(const std::string& name) {
  if (const auto known = contents_.find(name); known != contents_.end()) return known->second;
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail(origin_, "has no entry '{}'", printable(name));
  const Entry& entry = found->second;

  std::span<const std::uint8_t> content = packed_bytes(entry);
  if (entry.method == kDeflated) {
    content = inflated_[name] = inflate(name, content, entry.size);
  } else if (entry.size != entry.packed_size) {
    fail(origin_,
         "entry '{}' is stored in {} bytes but has {}",
         printable(name),
         entry.packed_size,
         entry.size);
  }
  const auto checksum = crc32_z(0, content.data(), content.size());
  if (checksum != entry.checksum) {
    fail(origin_,
         "entry '{}' has checksum {:08x}, expected {:08x}",
         printable(name),
         checksum,
         entry.checksum);
  }
  contents_[name] = content;
  return content;
}

std::vector<std::uint8_t> ZipArchive::inflate(const std::string& name,
                                              std::span<const std::uint8_t> packed,
                                              std::uint64_t size) {
  if (size / kMaxRatio > packed.size()) {
    fail(origin_,
         "entry '{}' claims {} bytes from {} packed ones",
         printable(name),
         size,
         packed.size());
  }
  budget_.spend(size);
  // One byte more than needed: zlib wants room even for nothing, and too long a stream shows.
  std::vector<std::uint8_t> out(size + 1);

  z_stream stream{};
  core::require(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "zlib cannot be set up");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> cleanup(&stream, inflateEnd);
  // zlib counts in 32 bits: larger entries are handed over piece by piece.
  constexpr std::size_t kPiece = std::numeric_limits<uInt>::max();
  std::size_t fed = 0;
  std::size_t made = 0;
  int status = Z_OK;
  do {
    const std::size_t feed = std::min(kPiece, packed.size() - fed);
    const std::size_t room = std::min(kPiece, out.size() - made);
    stream.next_in = const_cast<Bytef*>(packed.data() + fed);
    stream.avail_in = static_cast<uInt>(feed);
    stream.next_out = out.data() + made;
    stream.avail_out = static_cast<uInt>(room);
    status = ::inflate(&stream, Z_NO_FLUSH);
    fed += feed - stream.avail_in;
    made += room - stream.avail_out;
  } while (status == Z_OK);
  if (status != Z_STREAM_END || made != size) {
    fail(origin_, "entry '{}' does not unfold to the {} bytes it claims", printable(name), size);
  }
  out.pop_back();
  return out;
}

bool looks_like_zip(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 4 && ByteReader(bytes, {}).u32() == kLocalHeader;
}

}  // namespace parsimony::weights
