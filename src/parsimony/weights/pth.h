// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "parsimony/weights/tensor_file.h"

namespace parsimony::weights {

// The state dict that `torch.save` wrote, as a zip archive (since 1.6) or in the legacy format.
//
// The files are Python pickles, which can run anything when Python reads them. Nothing is run here:
// the reader knows tensors, dictionaries, lists, numbers and texts, and refuses any other name with
// a user error that says it. Strided tensors become dense; how names are found is said in
// state_dict.h.
ArrayMap read_pth(const std::filesystem::path& file);
ArrayMap parse_pth(std::span<const std::uint8_t> bytes, const std::string& origin);

// Whether `bytes` begin like a file in the legacy format.
bool looks_like_legacy_pth(std::span<const std::uint8_t> bytes);

}  // namespace parsimony::weights
