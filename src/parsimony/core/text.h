// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parsimony::core {

template <typename Range>
std::string join(const Range& items, std::string_view separator) {
  std::string out;
  for (const auto& item : items) {
    if (!out.empty()) out += separator;
    out += item;
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);

// Levenshtein distance, for suggestions.
std::size_t edit_distance(std::string_view a, std::string_view b);

// " (did you mean 'x'?)" with the nearest name, or "." when none is near.
template <typename Range>
std::string did_you_mean(std::string_view text, const Range& names) {
  std::size_t best_distance = text.size() / 2 + 1;
  std::string best;
  for (const auto& name : names) {
    const std::size_t distance = edit_distance(text, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best.empty() ? "." : " (did you mean '" + best + "'?).";
}

std::string human_count(double value);       // 1234567 -> "1.23 M"
std::string human_bytes(double bytes);       // 1536 -> "1.5 KiB"
std::string human_duration(double seconds);  // 3725 -> "1 h 02 min"

// `text` made safe inside HTML and XML text and attribute values.
std::string escape_markup(std::string_view text);

}  // namespace parsimony::core
