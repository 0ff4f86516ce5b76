// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "parsimony/weights/tensor_file.h"

namespace parsimony::weights {

// Reads named arrays from a file of any format known here (safetensors, torch.save old and new).
// The content decides, not the extension: weights are often renamed.
ArrayMap read_weights(const std::filesystem::path& file);
ArrayMap parse_weights(std::span<const std::uint8_t> bytes, const std::string& origin);

}  // namespace parsimony::weights
