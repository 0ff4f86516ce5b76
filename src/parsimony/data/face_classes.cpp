// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/face_classes.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "parsimony/core/error.h"
#include "parsimony/data/palette.h"
#include "parsimony/data/sides.h"

namespace parsimony::data {
namespace {

constexpr std::size_t kParts = 18;

// ear_r is an ear ring, neck_l a necklace.
constexpr std::array<const char*, kParts> kOfficialOrder = {"skin",
                                                            "nose",
                                                            "eye_g",
                                                            "l_eye",
                                                            "r_eye",
                                                            "l_brow",
                                                            "r_brow",
                                                            "l_ear",
                                                            "r_ear",
                                                            "mouth",
                                                            "u_lip",
                                                            "l_lip",
                                                            "hair",
                                                            "hat",
                                                            "ear_r",
                                                            "neck_l",
                                                            "neck",
                                                            "cloth"};

// Of the face-parsing network BiSeNet that many tools use.
constexpr std::array<const char*, kParts> kBisenetOrder = {"skin",
                                                           "l_brow",
                                                           "r_brow",
                                                           "l_eye",
                                                           "r_eye",
                                                           "eye_g",
                                                           "l_ear",
                                                           "r_ear",
                                                           "ear_r",
                                                           "nose",
                                                           "mouth",
                                                           "u_lip",
                                                           "l_lip",
                                                           "neck",
                                                           "neck_l",
                                                           "cloth",
                                                           "hair",
                                                           "hat"};

constexpr std::array<const char*, 11> kHelenClasses = {"background",
                                                       "face skin",
                                                       "left eyebrow",
                                                       "right eyebrow",
                                                       "left eye",
                                                       "right eye",
                                                       "nose",
                                                       "upper lip",
                                                       "inner mouth",
                                                       "lower lip",
                                                       "hair"};

ClassGroup group_of(std::string name,
                    const std::vector<std::string>& classes,
                    const std::vector<std::string_view>& members) {
  ClassGroup group{std::move(name), {}};
  for (const std::string_view member : members) {
    const auto found = std::ranges::find(classes, member);
    core::require(found != classes.end(), "no class '{}' for group '{}'", member, group.name);
    group.classes.push_back(static_cast<int>(found - classes.begin()));
  }
  std::ranges::sort(group.classes);
  return group;
}

// All classes but some.
std::vector<std::string_view> all_but(const std::vector<std::string>& classes,
                                      const std::vector<std::string_view>& left_out) {
  std::vector<std::string_view> rest;
  for (const std::string& name : classes) {
    if (std::ranges::find(left_out, name) == left_out.end()) rest.push_back(name);
  }
  return rest;
}

}  // namespace

DatasetInfo celebamask_hq_info(PartOrder order) {
  const auto& parts = order == PartOrder::kOfficial ? kOfficialOrder : kBisenetOrder;
  DatasetInfo info{"celebamask_hq", "celebamask_hq", {"background"}, voc_palette(parts.size() + 1)};
  info.classes.insert(info.classes.end(), parts.begin(), parts.end());
  info.mirror_pairs = mirror_pairs_of(info.classes);
  info.groups = {group_of("eyes", info.classes, {"l_eye", "r_eye"}),
                 group_of("brows", info.classes, {"l_brow", "r_brow"}),
                 group_of("mouth", info.classes, {"u_lip", "mouth", "l_lip"}),
                 group_of("overall", info.classes, all_but(info.classes, {"background", "skin"}))};
  return info;
}

DatasetInfo helen_info() {
  DatasetInfo info{"helen",
                   "helen",
                   {kHelenClasses.begin(), kHelenClasses.end()},
                   voc_palette(kHelenClasses.size())};
  info.mirror_pairs = mirror_pairs_of(info.classes);
  info.groups = {
      group_of("eyes", info.classes, {"left eye", "right eye"}),
      group_of("brows", info.classes, {"left eyebrow", "right eyebrow"}),
      group_of("mouth", info.classes, {"upper lip", "inner mouth", "lower lip"}),
      group_of(
          "overall", info.classes, all_but(info.classes, {"background", "face skin", "hair"}))};
  return info;
}

ClassMap celebamask_hq_to_helen(const DatasetInfo& info) {
  static const std::vector<ClassMerge> kMerges = {
      {"background",
       {"background", "eye_g", "l_ear", "r_ear", "hat", "ear_r", "neck_l", "neck", "cloth"}},
      {"face skin", {"skin"}},
      {"left eyebrow", {"r_brow"}},
      {"right eyebrow", {"l_brow"}},
      {"left eye", {"r_eye"}},
      {"right eye", {"l_eye"}},
      {"nose", {"nose"}},
      {"upper lip", {"u_lip"}},
      {"inner mouth", {"mouth"}},
      {"lower lip", {"l_lip"}},
      {"hair", {"hair"}}};
  ClassMap map = merge_classes(info, kMerges);
  const DatasetInfo helen = helen_info();
  core::require(map.info.classes == helen.classes, "the map to HELEN does not give its classes");
  map.info.palette = helen.palette;
  map.info.groups = helen.groups;
  return map;
}

}  // namespace parsimony::data
