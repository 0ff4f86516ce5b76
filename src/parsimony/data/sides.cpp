// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/sides.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <map>
#include <string_view>

namespace parsimony::data {
namespace {

struct SideWords {
  std::string_view left, right;
};
constexpr std::array<SideWords, 2> kSideWords = {{{"l", "r"}, {"left", "right"}}};

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    const auto letter = static_cast<unsigned char>(c);
    // Bytes above ASCII belong to letters of other scripts.
    if (std::isalnum(letter) != 0 || letter >= 0x80) {
      words.back() += static_cast<char>(std::tolower(letter));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// The classes that a name without its side stands for: "? eye" for "l_eye" and "r_eye".
struct Sides {
  std::vector<std::uint8_t> left, right;
};

void add_readings(const std::vector<std::string>& words,
                  std::uint8_t id,
                  std::map<std::string, Sides>& names) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const auto& [left, right] : kSideWords) {
      if (words[i] != left && words[i] != right) continue;
      if (left.size() == 1 && words.size() == 1) continue;
      std::string name;
      for (std::size_t k = 0; k < words.size(); ++k) {
        name += k == i ? "?" + std::string(left) : words[k];
        name += ' ';
      }
      Sides& sides = names[name];
      (words[i] == left ? sides.left : sides.right).push_back(id);
    }
  }
}

}  // namespace

MirrorPairs mirror_pairs_of(const std::vector<std::string>& classes) {
  std::map<std::string, Sides> names;
  for (std::size_t id = 0; id < classes.size(); ++id) {
    add_readings(words_of(classes[id]), static_cast<std::uint8_t>(id), names);
  }
  std::map<std::uint8_t, int> uses;
  MirrorPairs pairs;
  for (const auto& [name, sides] : names) {
    if (sides.left.size() != 1 || sides.right.size() != 1) continue;
    pairs.emplace_back(sides.left.front(), sides.right.front());
    ++uses[pairs.back().first];
    ++uses[pairs.back().second];
  }
  // "left right arrow" would be in two pairs.
  std::erase_if(
      pairs, [&uses](const auto& pair) { return uses[pair.first] > 1 || uses[pair.second] > 1; });
  std::ranges::sort(pairs);
  return pairs;
}

}  // namespace parsimony::data
