// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/camvid_classes.h"

#include <array>

namespace parsimony::data {
namespace {

constexpr std::uint8_t kVoid = LabelMap::kIgnore;
constexpr int kSegnetVoid = 11;
constexpr double kUnknownColourShare = 0.01;

struct CamvidClass {
  const char* name;
  Rgb display;
};

constexpr std::array<CamvidClass, 11> kClasses = {{{"sky", {128, 128, 128}},
                                                   {"building", {128, 0, 0}},
                                                   {"pole", {192, 192, 128}},
                                                   {"road", {128, 64, 128}},
                                                   {"pavement", {60, 40, 222}},
                                                   {"tree", {128, 128, 0}},
                                                   {"sign_symbol", {192, 128, 128}},
                                                   {"fence", {64, 64, 128}},
                                                   {"car", {64, 0, 128}},
                                                   {"pedestrian", {64, 64, 0}},
                                                   {"bicyclist", {0, 128, 192}}}};

struct OriginalClass {
  Rgb colour;
  std::uint8_t id;  // one of the eleven
};

constexpr std::array<OriginalClass, 32> kOriginal = {{
    {{128, 128, 128}, 0},  // Sky
    {{0, 128, 64}, 1},     // Bridge
    {{128, 0, 0}, 1},      // Building
    {{64, 192, 0}, 1},     // Wall
    {{64, 0, 64}, 1},      // Tunnel
    {{192, 0, 128}, 1},    // Archway
    {{192, 192, 128}, 2},  // Column_Pole
    {{0, 0, 64}, 2},       // TrafficCone
    {{128, 64, 128}, 3},   // Road
    {{128, 0, 192}, 3},    // LaneMkgsDriv
    {{192, 0, 64}, 3},     // LaneMkgsNonDriv
    {{0, 0, 192}, 4},      // Sidewalk
    {{64, 192, 128}, 4},   // ParkingBlock
    {{128, 128, 192}, 4},  // RoadShoulder
    {{128, 128, 0}, 5},    // Tree
    {{192, 192, 0}, 5},    // VegetationMisc
    {{192, 128, 128}, 6},  // SignSymbol
    {{128, 128, 64}, 6},   // Misc_Text
    {{0, 64, 64}, 6},      // TrafficLight
    {{64, 64, 128}, 7},    // Fence
    {{64, 0, 128}, 8},     // Car
    {{64, 128, 192}, 8},   // SUVPickupTruck
    {{192, 128, 192}, 8},  // Truck_Bus
    {{192, 64, 128}, 8},   // Train
    {{128, 64, 64}, 8},    // OtherMoving
    {{64, 64, 0}, 9},      // Pedestrian
    {{192, 128, 64}, 9},   // Child
    {{64, 0, 192}, 9},     // CartLuggagePram
    {{64, 128, 64}, 9},    // Animal
    {{0, 128, 192}, 10},   // Bicyclist
    {{192, 0, 192}, 10},   // MotorcycleScooter
    {{0, 0, 0}, kVoid},    // Void
}};

}  // namespace

DatasetInfo camvid_info() {
  DatasetInfo info;
  info.name = "camvid";
  info.format = "camvid";
  for (const CamvidClass& camvid_class : kClasses) {
    info.classes.emplace_back(camvid_class.name);
    info.palette.push_back(camvid_class.display);
  }
  return info;
}

LabelCoding camvid_segnet_coding() {
  LabelCoding coding = LabelCoding::identity(kClasses.size(), kSegnetVoid);
  coding.ids[LabelMap::kIgnore] = LabelMap::kIgnore;
  return coding;
}

LabelCoding camvid_colour_coding() {
  LabelCoding coding = LabelCoding::identity(0, -1);
  std::vector<std::pair<Rgb, std::uint8_t>> table;
  for (const OriginalClass& original : kOriginal) table.emplace_back(original.colour, original.id);
  coding.set_colours(std::move(table));
  coding.strange_share = kUnknownColourShare;
  return coding;
}

}  // namespace parsimony::data
