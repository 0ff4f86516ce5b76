// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

namespace parsimony::core {

// A small, fast random stream whose whole state is 64 bits, and which can be split by key.
//
// Every random decision of Parsimony comes from a stream that was split from the study's seed with
// the names and numbers of what it is for, so results depend neither on the thread count nor on
// what else was drawn before:
//
//   Rng study(seed);
//   Rng augmentation = study.split("augmentation").split(epoch).split(sample);
//
// The generator is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
// OOPSLA 2014). Not for cryptography.
class Rng {
 public:
  explicit Rng(std::uint64_t seed = 0);

  // An independent stream; `this` is not advanced.
  Rng split(std::uint64_t key) const;
  Rng split(std::string_view key) const;

  std::uint64_t next();
  double uniform();                         // in [0, 1)
  double uniform(double low, double high);  // in [low, high)
  std::int64_t below(std::int64_t bound);   // in [0, bound), unbiased; bound > 0
  double normal();                          // mean 0, variance 1
  bool chance(double probability) { return uniform() < probability; }

  // Fisher-Yates; `items` is any random-access container.
  template <typename Container>
  void shuffle(Container& items) {
    for (auto i = static_cast<std::int64_t>(items.size()); i > 1; --i) {
      std::swap(items[static_cast<std::size_t>(i - 1)], items[static_cast<std::size_t>(below(i))]);
    }
  }

  std::uint64_t state() const { return state_; }
  static Rng from_state(std::uint64_t state);

 private:
  std::uint64_t state_;
};

}  // namespace parsimony::core
