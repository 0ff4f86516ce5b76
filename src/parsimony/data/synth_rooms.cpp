// SPDX-License-Identifier: Apache-2.0
// Rooms with boxes, seen by one camera. Every sample of a pixel is a ray: the nearest surface gives
// its colour, and that of the pixel's centre its class and depth. Eye height, tiles, doors and
// skirting boards have their usual sizes, so that a picture tells how far things are.
#include <array>
#include <cmath>
#include <limits>

#include "parsimony/data/synth_camera.h"
#include "parsimony/data/synth_person.h"
#include "parsimony/data/synth_scenes.h"

namespace parsimony::data {
namespace {

float between(core::Rng& rng, double low, double high) {
  return static_cast<float>(rng.uniform(low, high));
}

// x to the right, y up from the floor, z ahead; metres.
struct Vec {
  float x = 0, y = 0, z = 0;
};
Vec operator+(Vec a, Vec b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
Vec operator-(Vec a, Vec b) {
  return {a.x - b.x, a.y - b.y, a.z - b.z};
}
Vec operator*(Vec a, float s) {
  return {a.x * s, a.y * s, a.z * s};
}
float dot(Vec a, Vec b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
float length(Vec a) {
  return std::sqrt(dot(a, a));
}

// About the vertical axis.
struct Turn {
  float cos = 1, sin = 0;
  explicit Turn(float radians = 0) : cos(std::cos(radians)), sin(std::sin(radians)) {}
  Vec apply(Vec v) const { return {v.x * cos + v.z * sin, v.y, -v.x * sin + v.z * cos}; }
  Vec revert(Vec v) const { return {v.x * cos - v.z * sin, v.y, v.x * sin + v.z * cos}; }
};

enum class Surface : std::uint8_t { kWall, kFloor, kCeiling, kBox };  // the classes

// A point of a surface that a ray meets first.
struct Hit {
  float t = std::numeric_limits<float>::infinity();
  Surface surface = Surface::kWall;
  Vec normal = {};
  float u = 0, v = 0;  // along the surface, metres; v is the height on walls and sides
  float edge = 0;      // distance to the nearest edge of the surface, metres
  std::size_t object = 0;
};

// An upright cuboid around the origin of its own axes, from 0 to `height`.
struct Cuboid {
  Vec centre;  // of its base
  Turn turn;
  float half_x = 0, height = 0, half_z = 0;
  Color colour;
  float grain = 0;
};

struct Room {
  float left = 0, right = 0, back = 0, front = 0, height = 0;
  std::vector<Cuboid> boxes;
  Vec lamp;
  float ambient = 0.4F;
  Color wall, floor, second, ceiling, door, skirting;
  bool planks = false;
  float pattern = 0;  // of the wallpaper
  float door_at = 0;
};

constexpr float kEye = 1.5F, kTile = 0.5F, kPlank = 0.15F;
constexpr float kDoorWidth = 0.9F, kDoorHeight = 2.05F, kSkirting = 0.1F;
constexpr double kFocal = 0.9;  // times the width: a field of view of 58 degrees
constexpr float kNearest = 0.4F;

void set_if_nearer(Hit& best, const Hit& hit) {
  if (hit.t > 1e-3F && hit.t < best.t) best = hit;
}

// From inside, every ray meets one of the six sides.
void meet_room(const Room& room, Vec from, Vec ray, Hit& best) {
  const Vec size{room.right - room.left, room.height, room.front - room.back};
  const auto side = [&](float low, float high, float origin, float step) {
    return ((step > 0 ? high : low) - origin) / step;
  };
  const float tx = std::abs(ray.x) < 1e-6F ? best.t : side(room.left, room.right, from.x, ray.x);
  const float ty = std::abs(ray.y) < 1e-6F ? best.t : side(0, room.height, from.y, ray.y);
  const float tz = std::abs(ray.z) < 1e-6F ? best.t : side(room.back, room.front, from.z, ray.z);
  const float t = std::min({tx, ty, tz});
  const Vec p = from + ray * t - Vec{room.left, 0, room.back};
  const auto inner = [](float place, float whole) { return std::min(place, whole - place); };
  Hit hit{.t = t};
  if (t == ty) {
    hit.surface = ray.y > 0 ? Surface::kCeiling : Surface::kFloor;
    hit.normal = {0, ray.y > 0 ? -1.0F : 1.0F, 0};
    hit.u = p.x, hit.v = p.z;
    hit.edge = std::min(inner(p.x, size.x), inner(p.z, size.z));
  } else if (t == tx) {
    hit.normal = {ray.x > 0 ? -1.0F : 1.0F, 0, 0};
    hit.u = p.z, hit.v = p.y, hit.object = 1;
    hit.edge = std::min(inner(p.y, size.y), inner(p.z, size.z));
  } else {
    hit.normal = {0, 0, ray.z > 0 ? -1.0F : 1.0F};
    hit.u = p.x, hit.v = p.y;
    hit.edge = std::min(inner(p.y, size.y), inner(p.x, size.x));
  }
  set_if_nearer(best, hit);
}

void meet_box(const Cuboid& box, std::size_t index, Vec from, Vec ray, Hit& best) {
  const Vec o = box.turn.revert(from - box.centre), d = box.turn.revert(ray);
  const std::array<float, 3> origin{o.x, o.y, o.z}, step{d.x, d.y, d.z};
  const std::array<float, 3> low{-box.half_x, 0, -box.half_z},
      high{box.half_x, box.height, box.half_z};
  float enter = -std::numeric_limits<float>::infinity();
  float leave = std::numeric_limits<float>::infinity();
  std::size_t axis = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    if (std::abs(step[i]) < 1e-6F) {
      if (origin[i] < low[i] || origin[i] > high[i]) return;
      continue;
    }
    const float a = (low[i] - origin[i]) / step[i], b = (high[i] - origin[i]) / step[i];
    if (std::min(a, b) > enter) enter = std::min(a, b), axis = i;
    leave = std::min(leave, std::max(a, b));
  }
  if (enter > leave || enter <= 0) return;
  const Vec p = o + d * enter;
  const float sign = step[axis] > 0 ? -1.0F : 1.0F;
  Hit hit{.t = enter, .surface = Surface::kBox, .object = index};
  const float ex = box.half_x - std::abs(p.x), ez = box.half_z - std::abs(p.z);
  const float ey = std::min(p.y, box.height - p.y);
  if (axis == 0) {
    hit.normal = {sign, 0, 0}, hit.u = p.z, hit.v = p.y, hit.edge = std::min(ey, ez);
  } else if (axis == 1) {
    hit.normal = {0, sign, 0}, hit.u = p.x, hit.v = p.z, hit.edge = std::min(ex, ez);
  } else {
    hit.normal = {0, 0, sign}, hit.u = p.x, hit.v = p.y, hit.edge = std::min(ex, ey);
  }
  hit.normal = box.turn.apply(hit.normal);
  set_if_nearer(best, hit);
}

Hit meet(const Room& room, Vec from, Vec ray) {
  Hit best;
  meet_room(room, from, ray, best);
  for (std::size_t i = 0; i < room.boxes.size(); ++i) meet_box(room.boxes[i], i, from, ray, best);
  return best;
}

bool is_shadowed(const Room& room, Vec point) {
  Hit best{.t = 1};
  for (std::size_t i = 0; i < room.boxes.size(); ++i)
    meet_box(room.boxes[i], i, point, room.lamp - point, best);
  return best.t < 1;
}

float fraction(float x) {
  return x - std::floor(x);
}

Color wall_colour(const Room& room, const Hit& hit, const Noise& noise) {
  if (hit.v < kSkirting) return room.skirting;
  const bool door = hit.object == 0 && hit.normal.z < 0 && hit.v < kDoorHeight &&
                    std::abs(hit.u - room.door_at) < kDoorWidth / 2;
  if (door) {
    const float frame =
        std::min(kDoorWidth / 2 - std::abs(hit.u - room.door_at), kDoorHeight - hit.v);
    return room.door * (frame < 0.06F ? 0.7F : 1.0F);
  }
  const float paper = room.pattern > 0 && fraction(hit.u / room.pattern) < 0.5F ? 0.9F : 1.0F;
  return room.wall * (paper * (1 + 0.1F * noise.at(hit.u * 0.2F, hit.v * 0.2F)));
}

Color floor_colour(const Room& room, const Hit& hit, const Noise& noise) {
  if (room.planks) {
    const float row = std::floor(hit.u / kPlank);
    const float joint = fraction(hit.u / kPlank);
    const float shade = 0.85F + 0.3F * fraction(row * 0.618F);
    const float grain = 1 + 0.15F * noise.at(hit.u * 1.3F, hit.v * 0.1F);
    return mix(room.floor, room.second, 0.3F * fraction(row * 0.37F)) *
           (joint < 0.06F ? 0.6F : shade * grain);
  }
  const float a = fraction(hit.u / kTile), b = fraction(hit.v / kTile);
  const bool odd =
      (static_cast<int>(std::floor(hit.u / kTile)) + static_cast<int>(std::floor(hit.v / kTile))) %
          2 !=
      0;
  const float grout = std::min({a, b, 1 - a, 1 - b}) < 0.02F ? 0.7F : 1.0F;
  return (odd ? room.second : room.floor) * (grout * (1 + 0.1F * noise.at(hit.u, hit.v)));
}

Color surface_colour(const Room& room, const Hit& hit, const Noise& noise) {
  switch (hit.surface) {
    case Surface::kWall:
      return wall_colour(room, hit, noise);
    case Surface::kFloor:
      return floor_colour(room, hit, noise);
    case Surface::kCeiling:
      return room.ceiling * (1 + 0.04F * noise.at(hit.u * 0.3F, hit.v * 0.3F));
    case Surface::kBox:
      break;
  }
  const Cuboid& box = room.boxes[hit.object];
  const float line = hit.edge < 0.015F ? 0.7F : 1.0F;
  return box.colour * (line * (1 + box.grain * noise.at(hit.u * 0.25F, hit.v * 1.5F)));
}

// Light falls from a lamp, less of it with distance, and least into corners.
Color shade(const Room& room, const Hit& hit, Vec point, const Noise& noise) {
  const Vec to_lamp = room.lamp - point;
  const float distance = length(to_lamp);
  float lambert = std::max(0.0F, dot(hit.normal, to_lamp) / distance);
  if (lambert > 0 && is_shadowed(room, point + hit.normal * 0.01F)) lambert = 0;
  const float direct = 1.6F * lambert / (1 + 0.12F * distance * distance);
  const float corner =
      hit.surface == Surface::kBox ? 1 : 0.65F + 0.35F * smooth_step(0, 0.5F, hit.edge);
  return surface_colour(room, hit, noise) * (room.ambient * corner + direct);
}

Cuboid draw_box(const Room& room, core::Rng rng) {
  Cuboid box;
  const double kind = rng.uniform();
  if (kind < 0.3) {  // cupboards and shelves
    box.half_x = between(rng, 0.35, 0.7), box.half_z = between(rng, 0.18, 0.3);
    box.height = between(rng, 1.2, 2.1);
  } else if (kind < 0.65) {  // tables, beds, chests
    box.half_x = between(rng, 0.35, 0.9), box.half_z = between(rng, 0.3, 0.6);
    box.height = between(rng, 0.4, 0.85);
  } else {  // boxes and stools
    box.half_x = between(rng, 0.15, 0.3), box.half_z = between(rng, 0.15, 0.3);
    box.height = between(rng, 0.25, 0.6);
  }
  box.turn = Turn(rng.chance(0.6) ? 0 : between(rng, -1.5, 1.5));
  const float reach = std::hypot(box.half_x, box.half_z);
  const double left = room.left + reach, right = room.right - reach;
  const double near = kNearest + reach + 0.4, far = room.front - reach;
  box.centre = {between(rng, left, std::max(left + 0.01, right)),
                0,
                between(rng, near, std::max(near + 0.01, far))};
  box.colour = draw_colour(rng);
  box.grain = between(rng, 0.05, 0.25);
  return box;
}

Room draw_room(core::Rng rng) {
  Room room;
  room.left = -between(rng, 0.9, 3), room.right = between(rng, 0.9, 3);
  room.back = -between(rng, 0.3, 1.5), room.front = between(rng, 2.4, 8);
  room.height = between(rng, 2.3, 3);
  room.lamp = {between(rng, room.left * 0.6, room.right * 0.6),
               room.height - 0.2F,
               between(rng, 0.2, 0.9) * room.front};
  room.ambient = between(rng, 0.3, 0.5);
  const Color pale = mix(draw_colour(rng), {0.9F, 0.88F, 0.84F}, between(rng, 0.3, 0.9));
  room.wall = pale;
  room.floor = draw_colour(rng);
  room.second = rng.chance(0.5) ? room.floor * between(rng, 0.6, 0.9) : draw_colour(rng);
  room.ceiling = Color{0.92F, 0.91F, 0.88F} * between(rng, 0.85, 1.05);
  room.door = draw_colour(rng);
  room.skirting = rng.chance(0.5) ? Color{0.85F, 0.84F, 0.8F} : room.wall * 0.6F;
  room.planks = rng.chance(0.5);
  room.pattern = rng.chance(0.3) ? between(rng, 0.1, 0.4) : 0;
  room.door_at = rng.chance(0.6) ? between(rng, 0.6, room.right - room.left - 0.6) : -10;
  const std::int64_t boxes = rng.below(7);
  for (std::int64_t i = 0; i < boxes; ++i)
    room.boxes.push_back(draw_box(room, rng.split(static_cast<std::uint64_t>(i))));
  return room;
}

struct Camera {
  Vec eye;
  Turn turn;
  float cos_pitch = 1, sin_pitch = 0;
  float focal = 1, centre_x = 0, centre_y = 0;  // pixels

  // The ray through a place of the picture, one metre long along the camera's axis.
  Vec ray(float x, float y) const {
    const float u = (x - centre_x) / focal, v = (centre_y - y) / focal;
    const Vec level{u, v * cos_pitch - sin_pitch, v * sin_pitch + cos_pitch};
    return turn.apply(level);
  }
};

Camera draw_camera(const SynthOptions& options, core::Rng rng) {
  Camera camera;
  camera.eye = {between(rng, -0.4, 0.4), kEye + between(rng, -0.1, 0.1), 0};
  camera.turn = Turn(between(rng, -0.45, 0.45));
  const float pitch = between(rng, 0, 0.35);
  camera.cos_pitch = std::cos(pitch), camera.sin_pitch = std::sin(pitch);
  camera.focal = static_cast<float>(kFocal * options.zoom * static_cast<double>(options.width));
  camera.centre_x = 0.5F * static_cast<float>(options.width - 1);
  camera.centre_y = 0.5F * static_cast<float>(options.height - 1);
  return camera;
}

// As files store it, so that a set that was written reads back equal.
float in_millimetres(float metres) {
  return static_cast<float>(std::round(static_cast<double>(metres) * 1000) / 1000);
}

}  // namespace

Sample synth_room(const SynthOptions& options, core::Rng rng) {
  constexpr int kSamples = Canvas::kSamples;
  const Room room = draw_room(rng.split("room"));
  const Camera camera = draw_camera(options, rng.split("camera position"));
  const Noise noise(rng.split("noise"));
  Sample sample{.image = Image(),
                .labels = LabelMap(options.width, options.height),
                .depth = DepthMap(options.width, options.height)};
  std::vector<Color> colors(sample.labels.ids.size());
  for (std::int64_t y = 0; y < options.height; ++y) {
    for (std::int64_t x = 0; x < options.width; ++x) {
      Color& sum = colors[static_cast<std::size_t>(y * options.width + x)];
      for (int i = 0; i < kSamples * kSamples; ++i) {
        const float dx = static_cast<float>(i % kSamples - kSamples / 2) / kSamples;
        const float dy = static_cast<float>(i / kSamples - kSamples / 2) / kSamples;
        const Vec ray = camera.ray(static_cast<float>(x) + dx, static_cast<float>(y) + dy);
        const Hit hit = meet(room, camera.eye, ray);
        sum = sum + shade(room, hit, camera.eye + ray * hit.t, noise);
        if (i != kSamples * kSamples / 2) continue;
        sample.labels.at(x, y) = static_cast<std::uint8_t>(hit.surface);
        sample.depth.at(x, y) = in_millimetres(hit.t);
      }
      sum = sum * (1.0F / (kSamples * kSamples));
    }
  }
  sample.image = photograph(std::move(colors), options.width, options.height, rng.split("camera"));
  return sample;
}

}  // namespace parsimony::data
