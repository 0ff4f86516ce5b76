// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

namespace parsimony::data {

// What the labels of a data set say; a set may have several.
enum class Target {
  kClasses,  // a class for each pixel, or for each picture
  kDepth,    // a distance for each pixel
  kPose,     // where the joints of a person are
};

inline constexpr std::array kTargets = {Target::kClasses, Target::kDepth, Target::kPose};

std::string_view name_of(Target target);  // "classes", "depth", "pose"

class TargetSet {
 public:
  constexpr TargetSet() = default;
  constexpr TargetSet(std::initializer_list<Target> targets) {
    for (const Target target : targets) insert(target);
  }
  constexpr void insert(Target target) { bits_ |= bit_of(target); }
  constexpr bool contains(Target target) const { return (bits_ & bit_of(target)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr TargetSet operator&(TargetSet a, TargetSet b) { return from(a.bits_ & b.bits_); }
  friend constexpr TargetSet operator-(TargetSet a, TargetSet b) {
    return from(a.bits_ & ~b.bits_);
  }
  constexpr bool operator==(const TargetSet&) const = default;

 private:
  static constexpr unsigned bit_of(Target target) { return 1U << static_cast<unsigned>(target); }
  static constexpr TargetSet from(unsigned bits) {
    TargetSet set;
    set.bits_ = bits;
    return set;
  }
  unsigned bits_ = 0;
};

std::string text_of(TargetSet targets);  // "classes and depth"; "nothing"

}  // namespace parsimony::data
