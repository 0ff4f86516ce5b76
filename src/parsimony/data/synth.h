// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "parsimony/core/fields.h"
#include "parsimony/core/rng.h"
#include "parsimony/data/dataset.h"

namespace parsimony::data {

// Procedural portraits with exact part labels: the data set that is always there, so that searches,
// tests and examples run with nothing downloaded.
//
// What the labels mean:
// - skin is face, neck, chest and ears; hair includes beards and moustaches; stubble is skin.
// - lashes belong to the eyes, nostrils to the nose, teeth to the mouth.
// - glasses are looked through: frame and clear lenses keep the part beneath. Dark lenses hide it
//   and are background, like hands and objects held before the face.
// - hats, headscarves, collars and ties are clothes.
enum class Part : std::uint8_t {
  kBackground,
  kSkin,
  kHair,
  kBrows,
  kEyes,
  kNose,
  kMouth,
  kClothes
};
inline constexpr int kPartCount = 8;

struct SynthOptions {
  std::int64_t train = 240;
  std::int64_t val = 40;
  std::int64_t test = 60;
  std::int64_t width = 128;
  std::int64_t height = 128;
  std::int64_t seed = 1;
  double zoom = 1;  // 1: head and shoulders, above: closer to the face
  double occlusion =
      0.12;  // share of portraits with a hand, an object or dark glasses before the face
  void visit(core::FieldVisitor& v);
};

// One portrait of options.width x options.height; depends on these, options.zoom,
// options.occlusion and `rng` only.
Sample synth_portrait(const SynthOptions& options, core::Rng rng);

// Portrait i of a split depends on the seed, the split and i only: neither on the thread count nor
// on the number of portraits.
MemoryDataset make_synthetic_dataset(const SynthOptions& options, int threads);

}  // namespace parsimony::data
