// SPDX-License-Identifier: Apache-2.0
#include "parsimony/data/description_text.h"

namespace parsimony::data {
namespace {

constexpr std::int64_t kLargestNumber = 65535;  // of 16 bit

}  // namespace

void read_depth_description(DescriptionText& text, DepthDescription& depth) {
  const Json& entry = *text.find("depth");
  if (!entry.is_object()) {
    text.report_key("depth",
                    fmt::format("is {}; expected an object", text.start_of(entry)),
                    "write it like {\"folder\": \"depth\", \"scale\": 1000}");
    return;
  }
  if (const auto folder = entry.find("folder"); folder != entry.end()) {
    const bool plain = folder->is_string() && !folder->get<std::string>().empty() &&
                       std::filesystem::path(folder->get<std::string>()).is_relative();
    if (plain) {
      depth.folder = folder->get<std::string>();
    } else {
      text.report_key("depth",
                      fmt::format("has the folder {}; expected the name of a folder beside "
                                  "dataset.json",
                                  text.start_of(*folder)),
                      "name the folder of the depth maps, for example \"depth\"");
    }
  }
  const auto scale = entry.find("scale");
  if (scale != entry.end() && scale->is_number() && scale->get<double>() > 0) {
    depth.coding.scale = scale->get<double>();
  } else {
    text.report_key(
        "depth",
        scale == entry.end()
            ? std::string("has no 'scale'")
            : fmt::format("has the scale {}; expected a number above 0", text.start_of(*scale)),
        "state how many numbers of the files make a metre: 1000 for millimetres");
  }
  const auto invalid = entry.find("invalid");
  if (invalid == entry.end() || invalid->is_null()) return;
  if (invalid->is_number_integer() && *invalid >= 0 && *invalid <= kLargestNumber) {
    depth.coding.invalid = invalid->get<std::int64_t>();
  } else {
    text.report_key("depth",
                    fmt::format("has {} for 'invalid'; expected a whole number from 0 to {}",
                                text.start_of(*invalid),
                                kLargestNumber),
                    "state the number that pixels without a depth have, or leave it out: 0 always "
                    "means that");
  }
}

void write_depth_description(const DepthDescription& depth, Json& json) {
  json["depth"] = {{"folder", depth.folder},
                   {"unit", "metre"},
                   {"scale", depth.coding.scale},
                   {"formula", "depth = pixel / scale"},
                   {"invalid", depth.coding.invalid}};
}

}  // namespace parsimony::data
