// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "parsimony/weights/tensor_file.h"

namespace parsimony::weights {

// The safetensors format: eight bytes with the header's length (little-endian), the header as JSON
// (name -> dtype, shape, data_offsets; "__metadata__" -> text values), then the arrays.
//
//   ArrayMap weights = read_safetensors("encoder.safetensors");
//   weights.metadata["trained_on"] = "camvid";
//   write_safetensors("copy.safetensors", weights);
//
// Reading trusts nothing: arrays must lie inside the file, have the size their type and shape ask
// for, and cover the data without gaps, overlaps or bytes left over. What does not is a user error.
ArrayMap read_safetensors(const std::filesystem::path& file);
ArrayMap parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& origin);

// Whether `bytes` begin like a safetensors file; unambiguous against zip archives and pickles.
bool looks_like_safetensors(std::span<const std::uint8_t> bytes);

// Arrays in name order, header padded with spaces so that the data begins at a multiple of 8. The
// same map always gives the same bytes. The file is replaced atomically.
void write_safetensors(const std::filesystem::path& file, const ArrayMap& map);
std::vector<std::uint8_t> format_safetensors(const ArrayMap& map, const std::string& origin);

}  // namespace parsimony::weights
