// SPDX-License-Identifier: Apache-2.0
#include "parsimony/weights/tensor_files.h"

#include <algorithm>
#include <string_view>

#include "parsimony/core/error.h"
#include "parsimony/core/files.h"
#include "parsimony/weights/printable.h"
#include "parsimony/weights/pth.h"
#include "parsimony/weights/safetensors.h"
#include "parsimony/weights/zip_archive.h"

namespace parsimony::weights {

ArrayMap read_weights(const std::filesystem::path& file) {
  return parse_weights(core::read_binary_file(file), file.string());
}

ArrayMap parse_weights(std::span<const std::uint8_t> bytes, const std::string& origin) {
  if (looks_like_safetensors(bytes)) return parse_safetensors(bytes, origin);
  if (looks_like_zip(bytes) || looks_like_legacy_pth(bytes)) return parse_pth(bytes, origin);
  constexpr std::size_t kShown = 16;
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()),
                               std::min(kShown, bytes.size()));
  core::throw_user_error(
      "{}: begins with '{}', expected weights in the safetensors format or from torch.save. If it "
      "was "
      "downloaded, look into it: it may be an error page or cut short.",
      origin,
      printable(start));
}

}  // namespace parsimony::weights
