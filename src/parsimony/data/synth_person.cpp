// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/synth_person.h"

#include <array>
#include <cmath>

namespace parsimony::data {
namespace {

float between(core::Rng& rng, double low, double high) {
  return static_cast<float>(rng.uniform(low, high));
}

float spread(core::Rng& rng, double deviation, double limit) {
  return static_cast<float>(std::clamp(rng.normal() * deviation, -limit, limit));
}

Color jittered(core::Rng& rng, Color color, double amount) {
  const Color gain{between(rng, 1 - amount, 1 + amount),
                   between(rng, 1 - amount, 1 + amount),
                   between(rng, 1 - amount, 1 + amount)};
  return color * gain;
}

// The index of a row drawn with the given weights.
template <std::size_t N>
std::size_t weighted(core::Rng& rng, const std::array<double, N>& weights) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  double left = rng.uniform(0, sum);
  for (std::size_t i = 0; i + 1 < N; ++i) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return N - 1;
}

HeadPose draw_pose(core::Rng rng) {
  HeadPose pose;
  pose.size = between(rng, 0.22, 0.34);
  pose.centre = {spread(rng, 0.05, 0.12), between(rng, -0.13, 0.0)};
  pose.yaw = spread(rng, 0.27, 0.56);
  pose.pitch = spread(rng, 0.1, 0.24);
  pose.roll = spread(rng, 0.1, 0.3);
  return pose;
}

Light draw_light(core::Rng rng) {
  Light light;
  const float side = spread(rng, 0.5, 1.1), up = between(rng, -0.8, 0.1);
  const float length = std::sqrt(side * side + up * up + 1);
  light.x = side / length, light.y = up / length, light.z = 1 / length;
  light.ambient = between(rng, 0.4, 0.8);
  return light;
}

Face draw_face(core::Rng rng, Color hair) {
  Face face;
  face.skin = draw_skin(rng);
  const Color rosy = face.skin * Color{0.92F, 0.62F, 0.62F};
  static constexpr std::array<Color, 4> kLipsticks{
      {{0.75F, 0.08F, 0.15F}, {0.85F, 0.35F, 0.42F}, {0.5F, 0.12F, 0.25F}, {0.7F, 0.3F, 0.22F}}};
  face.lips =
      rng.chance(0.3)
          ? mix(rosy, kLipsticks[static_cast<std::size_t>(rng.below(4))], between(rng, 0.3, 0.9))
          : jittered(rng, rosy, 0.07);
  static constexpr std::array<Color, 6> kIrises{{{0.22F, 0.13F, 0.07F},
                                                 {0.35F, 0.2F, 0.09F},
                                                 {0.15F, 0.09F, 0.06F},
                                                 {0.3F, 0.48F, 0.68F},
                                                 {0.35F, 0.5F, 0.32F},
                                                 {0.45F, 0.5F, 0.52F}}};
  face.iris = jittered(rng, kIrises[static_cast<std::size_t>(rng.below(6))], 0.15);
  face.width = between(rng, 0.9, 1.1);
  face.jaw = between(rng, 0.86, 1.14);
  face.chin = between(rng, 0.14, 0.3);
  face.age = rng.chance(0.3) ? between(rng, 0.4, 1) : between(rng, 0, 0.3);
  face.freckles = rng.chance(0.12) ? between(rng, 0.3, 1) : 0;
  face.blush = rng.chance(0.5) ? between(rng, 0.1, 0.6) : 0;
  face.eye_distance = between(rng, 0.295, 0.35);
  face.eye_size = between(rng, 0.135, 0.175);
  face.eye_open = rng.chance(0.04) ? 0.05F : between(rng, 0.3, 0.62);
  face.eye_tilt = between(rng, -0.14, 0.12);
  face.eye_shadow = rng.chance(0.2) ? between(rng, 0.2, 0.7) : 0;
  face.gaze = {spread(rng, 0.3, 0.8), spread(rng, 0.15, 0.4)};
  face.brow_thickness = between(rng, 0.04, 0.085);
  face.brow_height = between(rng, 0.19, 0.27);
  face.brow_arch = between(rng, 0.02, 0.09);
  face.brow_tilt = spread(rng, 0.12, 0.2) - 0.14F;
  face.brow = mix(hair * between(rng, 0.55, 0.95), face.skin * 0.4F, between(rng, 0.1, 0.45));
  face.nose_width = between(rng, 0.82, 1.25);
  face.nose_length = between(rng, 0.38, 0.46);
  face.mouth_width = between(rng, 0.22, 0.31);
  face.mouth_height = face.nose_length + between(rng, 0.19, 0.24);
  face.lip_upper = between(rng, 0.035, 0.07);
  face.lip_lower = between(rng, 0.045, 0.085);
  face.smile = spread(rng, 0.5, 1) + 0.2F;
  face.mouth_open = rng.chance(0.35) ? between(rng, 0.02, 0.13) : 0;
  face.teeth = rng.chance(0.75) ? 1 : 0;
  face.ear_size = between(rng, 0.8, 1.2);
  return face;
}

enum class HairStyle {
  kBald,
  kBalding,
  kBuzz,
  kShort,
  kSwept,
  kCurly,
  kAfro,
  kBob,
  kLong,
  kWavy,
  kBun,
  kPonytail
};

Hair draw_hair(core::Rng rng, Color colour) {
  Hair hair;
  hair.colour = colour;
  hair.streak = mix(colour, draw_colour(rng), 0.4F);
  hair.streaks = rng.chance(0.15) ? between(rng, 0.3, 0.8) : 0;
  hair.hairline = between(rng, -0.68, -0.52);
  hair.peak = between(rng, -0.03, 0.06);
  hair.part_shift = between(rng, -0.4, 0.4);
  hair.shine = between(rng, 0.1, 0.5);
  hair.top = between(rng, 0.06, 0.16);
  hair.side = between(rng, 0.04, 0.09);
  const bool fringe = rng.chance(0.3);
  const auto style = static_cast<HairStyle>(
      weighted(rng, std::array{4.0, 5.0, 6.0, 17.0, 9.0, 10.0, 6.0, 11.0, 14.0, 10.0, 6.0, 6.0}));
  bool may_have_beard = false;
  switch (style) {
    case HairStyle::kBald:
      hair.cap = false, may_have_beard = true;
      break;
    case HairStyle::kBalding:
      hair.sides_only = true, hair.side = between(rng, 0.03, 0.12), may_have_beard = true;
      break;
    case HairStyle::kBuzz:
      hair.top = between(rng, 0.01, 0.03), hair.side = 0.015F, hair.shine = 0.05F,
      may_have_beard = true;
      break;
    case HairStyle::kShort:
      hair.top = between(rng, 0.06, 0.2), hair.curl = between(rng, 0, 0.03), may_have_beard = true;
      break;
    case HairStyle::kSwept:
      hair.top = between(rng, 0.14, 0.3), hair.fringe = between(rng, 0.02, 0.14),
      hair.fringe_slant = between(rng, -0.3, 0.3);
      may_have_beard = true;
      break;
    case HairStyle::kCurly:
      hair.top = between(rng, 0.14, 0.32), hair.side = between(rng, 0.1, 0.25),
      hair.curl = between(rng, 0.04, 0.08);
      hair.curl_frequency = between(rng, 9, 16),
      hair.length = rng.chance(0.5) ? between(rng, 0.7, 1.5) : 0;
      hair.spread = between(rng, 0.05, 0.25), may_have_beard = hair.length == 0;
      break;
    case HairStyle::kAfro:
      hair.top = between(rng, 0.3, 0.55), hair.side = between(rng, 0.28, 0.5), hair.curl = 0.025F,
      hair.curl_frequency = 23;
      hair.length = between(rng, 0.3, 0.6), hair.shine = 0.05F, may_have_beard = rng.chance(0.4);
      break;
    case HairStyle::kBob:
      hair.length = between(rng, 0.7, 1.15), hair.spread = between(rng, 0.02, 0.2),
      hair.side = between(rng, 0.06, 0.16);
      hair.locks_in_front = true;
      break;
    case HairStyle::kLong:
      hair.length = between(rng, 1.4, 2.6), hair.spread = between(rng, -0.05, 0.2),
      hair.locks_in_front = rng.chance(0.75);
      break;
    case HairStyle::kWavy:
      hair.length = between(rng, 1.2, 2.4), hair.spread = between(rng, 0.1, 0.35),
      hair.curl = between(rng, 0.02, 0.05);
      hair.side = between(rng, 0.08, 0.2), hair.locks_in_front = rng.chance(0.75);
      break;
    case HairStyle::kBun:
      hair.bun = between(rng, 0.22, 0.38), hair.top = between(rng, 0.03, 0.08), hair.side = 0.03F;
      break;
    case HairStyle::kPonytail:
      hair.ponytail = (rng.chance(0.5) ? 1.0F : -1.0F) * between(rng, 0.7, 1.3),
      hair.top = between(rng, 0.03, 0.1), hair.side = 0.03F;
      break;
  }
  if (fringe && hair.cap && style > HairStyle::kShort) {
    hair.fringe = between(rng, 0.1, 0.3), hair.fringe_slant = between(rng, -0.25, 0.25);
  }
  if (may_have_beard && rng.chance(0.5)) {
    hair.beard = static_cast<Beard>(1 + weighted(rng, std::array{3.0, 1.0, 1.5, 4.0}));
    hair.beard_length = rng.chance(0.2) ? between(rng, 0.15, 0.5) : between(rng, 0.02, 0.12);
  }
  return hair;
}

Clothes draw_clothes(core::Rng rng) {
  Clothes clothes;
  clothes.neckline = static_cast<Neckline>(weighted(rng, std::array{4.0, 2.5, 4.0, 1.5, 1.5, 1.5}));
  clothes.pattern = static_cast<Pattern>(weighted(rng, std::array{5.0, 1.5, 1.0, 1.0, 1.5}));
  clothes.colour = rng.chance(0.08) ? draw_skin(rng) : draw_colour(rng);
  clothes.second = rng.chance(0.5) ? clothes.colour * between(rng, 0.4, 0.8) : draw_colour(rng);
  clothes.pattern_size = between(rng, 0.16, 0.5);
  clothes.pattern_angle = rng.chance(0.6) ? 0 : between(rng, -1.6, 1.6);
  clothes.tie = clothes.neckline == Neckline::kCollar && rng.chance(0.4);
  clothes.scarf = rng.chance(0.07);
  clothes.shoulders = between(rng, 0.85, 1.15);
  clothes.neck_width = between(rng, 0.85, 1.2);
  clothes.sway = spread(rng, 0.06, 0.15);
  return clothes;
}

Extras draw_extras(double occlusion, core::Rng rng) {
  Extras extras;
  if (rng.chance(0.17))
    extras.hat = static_cast<Hat>(1 + weighted(rng, std::array{3.0, 3.0, 2.0, 2.5}));
  extras.hat_colour = draw_colour(rng);
  extras.hat_band = rng.chance(0.5) ? extras.hat_colour * 0.7F : draw_colour(rng);
  if (rng.chance(0.22)) extras.glasses = Glasses::kClear;
  extras.glasses_round = between(rng, 0, 1);
  extras.glasses_size = between(rng, 0.9, 1.2);
  extras.frame_width = between(rng, 0.015, 0.045);
  extras.frame = rng.chance(0.65) ? Color{0.08F, 0.07F, 0.07F} : draw_colour(rng);
  if (rng.chance(occlusion)) {
    const std::size_t kind = weighted(rng, std::array{4.0, 3.0, 2.0});
    if (kind == 0) extras.occluder = Occluder::kHand;
    if (kind == 1) extras.occluder = Occluder::kObject;
    if (kind == 2) extras.glasses = Glasses::kDark;
  }
  extras.occluder_side = rng.chance(0.5) ? 1.0F : -1.0F;
  extras.object = draw_colour(rng);
  return extras;
}

void fit_under_hat(Hair& hair, Hat hat) {
  if (hat == Hat::kNone) return;
  hair.top = std::min(hair.top, 0.08F), hair.bun = 0;
  if (hat != Hat::kHeadscarf) return;
  hair.length = 0, hair.side = 0.02F, hair.curl = 0, hair.ponytail = 0, hair.locks_in_front = false;
}

}  // namespace

Color draw_skin(core::Rng& rng) {
  static constexpr std::array<Color, 8> kTones{{{0.98F, 0.85F, 0.77F},
                                                {0.95F, 0.78F, 0.67F},
                                                {0.89F, 0.69F, 0.55F},
                                                {0.80F, 0.58F, 0.43F},
                                                {0.69F, 0.47F, 0.33F},
                                                {0.55F, 0.36F, 0.25F},
                                                {0.42F, 0.27F, 0.19F},
                                                {0.30F, 0.19F, 0.14F}}};
  const float tone = between(rng, 0, 6.999);
  const auto i = static_cast<std::size_t>(tone);
  return jittered(rng, mix(kTones[i], kTones[i + 1], tone - static_cast<float>(i)), 0.04);
}

Color draw_hair_colour(core::Rng& rng) {
  static constexpr std::array<Color, 9> kNatural{{{0.07F, 0.06F, 0.06F},
                                                  {0.14F, 0.09F, 0.07F},
                                                  {0.26F, 0.16F, 0.1F},
                                                  {0.4F, 0.25F, 0.15F},
                                                  {0.5F, 0.24F, 0.11F},
                                                  {0.66F, 0.5F, 0.3F},
                                                  {0.84F, 0.71F, 0.47F},
                                                  {0.52F, 0.51F, 0.5F},
                                                  {0.82F, 0.81F, 0.8F}}};
  if (rng.chance(0.05)) return draw_colour(rng);
  return jittered(
      rng, kNatural[weighted(rng, std::array{4.0, 4.0, 4.0, 3.0, 2.0, 2.0, 2.5, 1.5, 1.5})], 0.12);
}

Color draw_colour(core::Rng& rng) {
  // Mostly muted: fully saturated clothes and walls are rare.
  const float value = between(rng, 0.12, 1);
  const float saturation = rng.chance(0.3) ? between(rng, 0.4, 0.9) : between(rng, 0, 0.4);
  const float hue = between(rng, 0, 6);
  const auto channel = [&](float offset) {
    const float k = std::fmod(offset + hue, 6.0F);
    return value * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0F, 1.0F));
  };
  return {channel(5), channel(3), channel(1)};
}

Person draw_person(double occlusion, core::Rng rng) {
  Person person;
  core::Rng hair_colour = rng.split("hair colour");
  const Color hair = draw_hair_colour(hair_colour);
  person.pose = draw_pose(rng.split("pose"));
  person.light = draw_light(rng.split("light"));
  person.face = draw_face(rng.split("face"), hair);
  person.hair = draw_hair(rng.split("hair"), hair);
  person.clothes = draw_clothes(rng.split("clothes"));
  person.extras = draw_extras(occlusion, rng.split("extras"));
  fit_under_hat(person.hair, person.extras.hat);
  return person;
}

}  // namespace parsimony::data
