// SPDX-License-Identifier: Apache-2.0
#include "parsimony/core/rng.h"

#include <cmath>
#include <numbers>

#include "parsimony/core/error.h"

namespace parsimony::core {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Rng::Rng(std::uint64_t seed) : state_(mix(seed + kGolden)) {}

Rng Rng::from_state(std::uint64_t state) {
  Rng rng;
  rng.state_ = state;
  return rng;
}

Rng Rng::split(std::uint64_t key) const {
  return from_state(mix(mix(state_ ^ 0xd1b54a32d192ed03ULL) + mix(key + kGolden)));
}

Rng Rng::split(std::string_view key) const {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return split(hash);
}

std::uint64_t Rng::next() {
  state_ += kGolden;
  return mix(state_);
}

double Rng::uniform() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double Rng::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

std::int64_t Rng::below(std::int64_t bound) {
  require(bound > 0, "Rng::below needs a positive bound, got {}", bound);
  const auto range = static_cast<std::uint64_t>(bound);
  const std::uint64_t threshold = (0 - range) % range;  // rejects the incomplete last interval
  for (;;) {
    const std::uint64_t draw = next();
    if (draw >= threshold) return static_cast<std::int64_t>(draw % range);
  }
}

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace parsimony::core
