// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <regex>

#include "parsimony/core/error.h"
#include "parsimony/core/rng.h"
#include "parsimony/graph/deeplab.h"
#include "parsimony/graph/drawing.h"
#include "parsimony/graph/testing.h"

namespace parsimony::graph {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

Choices whole(const Supernet& supernet) {
  return Choices(supernet.sites.size(), 0);
}

Choices with(const Supernet& supernet, const std::map<std::string, int>& chosen) {
  Choices choices = whole(supernet);
  std::size_t found = 0;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const auto choice = chosen.find(supernet.sites[i].name);
    if (choice == chosen.end()) continue;
    choices[i] = choice->second;
    ++found;
  }
  EXPECT_EQ(found, chosen.size());
  return choices;
}

// Every site of its own, but one branch stays.
Choices random_choices(const Supernet& supernet, core::Rng& rng) {
  Choices choices;
  for (const Site& site : supernet.sites) {
    const bool stays = site.name == "decoder.aspp0";
    choices.push_back(stays ? 0 : static_cast<int>(rng.below(site.options())));
  }
  return choices;
}

std::vector<DeeplabOptions> all_designs() {
  std::vector<DeeplabOptions> designs;
  for (const DeeplabBackbone backbone :
       {DeeplabBackbone::kMobilenetV2, DeeplabBackbone::kXception65}) {
    for (const int parts : {0, 1, 2, 3, 4, 5, 6, 7}) {
      designs.push_back({.backbone = backbone,
                         .output_stride = 8 << (parts % 3),
                         .head = parts % 2 == 0 ? DeeplabHead::kDense : DeeplabHead::kSeparable,
                         .atrous_branches = (parts & 1) != 0,
                         .image_pooling = (parts & 2) != 0,
                         .decoder = (parts & 4) != 0,
                         .decoder_convolutions = 1 + parts % 2});
    }
  }
  return designs;
}

struct Rectangle {
  double x = 0, y = 0, width = 0, height = 0;
};

double number(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// All rectangles whose class begins like this.
std::vector<Rectangle> rectangles(const std::string& svg, const std::string& style) {
  const std::regex pattern(
      "<rect class=\"" + style +
      R"re(" x="([-.\d]+)" y="([-.\d]+)" width="([-.\d]+)" height="([-.\d]+)")re");
  std::vector<Rectangle> found;
  for (std::sregex_iterator at(svg.begin(), svg.end(), pattern), end; at != end; ++at) {
    const std::smatch& match = *at;
    found.push_back({number(match[1]), number(match[2]), number(match[3]), number(match[4])});
  }
  return found;
}

bool overlap(const Rectangle& a, const Rectangle& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

bool within(const Rectangle& inner, const Rectangle& outer) {
  return inner.x >= outer.x && inner.y >= outer.y &&
         inner.x + inner.width <= outer.x + outer.width &&
         inner.y + inner.height <= outer.y + outer.height;
}

constexpr const char* kBoxes = "(?:conv|sep|pool|dropped)";

TEST(SupernetDrawing, AnyCandidateOfAnyDeeplabIsWellFormed) {
  core::Rng rng(7);
  for (const DeeplabOptions& design : all_designs()) {
    const Supernet supernet = deeplab_supernet(design, 21);
    for (const Choices& choices : {whole(supernet), random_choices(supernet, rng)}) {
      const std::string svg = draw_subsample(supernet, choices);
      EXPECT_EQ(xml_fault(svg), "");
      EXPECT_THAT(svg, Not(AnyOf(HasSubstr("nan"), HasSubstr("inf "))));
      EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-label=\"Candidate of a supernet: "));
      EXPECT_EQ(svg, draw_subsample(supernet, choices));
    }
  }
}

TEST(SupernetDrawing, BoxesLieApartWithinTheirFrames) {
  core::Rng rng(8);
  for (const DeeplabOptions& design : all_designs()) {
    const Supernet supernet = deeplab_supernet(design, 21);
    const std::string svg = draw_subsample(supernet, random_choices(supernet, rng));
    const std::vector<Rectangle> boxes = rectangles(svg, kBoxes);
    const std::vector<Rectangle> frames = rectangles(svg, "frame");
    EXPECT_EQ(boxes.size(), occurrences(svg, "<g class=\"b\">"));
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k)
        EXPECT_FALSE(overlap(boxes[i], boxes[k])) << i << " " << k;
      EXPECT_EQ(std::ranges::count_if(
                    frames, [&](const Rectangle& frame) { return within(boxes[i], frame); }),
                1)
          << i;
    }
    EXPECT_LT(frames[0].width, 1000);  // a page's
  }
}

TEST(SupernetDrawing, EverySiteIsThere) {
  core::Rng rng(9);
  for (const DeeplabOptions& design : all_designs()) {
    const Supernet supernet = deeplab_supernet(design, 21);
    for (const Choices& choices : {whole(supernet), random_choices(supernet, rng)}) {
      const std::string svg = draw_subsample(supernet, choices);
      for (const Site& site : supernet.sites) {
        const std::size_t times = occurrences(svg, "\n" + site.name + ": ");
        if (site.kind == SiteKind::kWidth)
          EXPECT_GE(times, 1u) << site.name;
        else
          EXPECT_EQ(times, 1u) << site.name;
      }
    }
  }
}

TEST(SupernetDrawing, TheWholeSupernetIsWhole) {
  const std::string svg = draw_subsample(deeplab_supernet({}, 21), Choices(35, 0));
  // 18 of MobileNet-v2; five branches and their projection, low-level projection, two convolutions
  // of the decoder, logits.
  EXPECT_EQ(occurrences(svg, "<g class=\"b\">"), 18 + 6 + 1 + 2 + 1u);
  EXPECT_THAT(svg, Not(HasSubstr("class=\"dropped\"")));
  EXPECT_THAT(svg, HasSubstr(">960</text>"));
  EXPECT_THAT(svg, HasSubstr(">rate 12</text>"));
  EXPECT_THAT(svg, HasSubstr("0 of 11 blocks dropped · 0 of 5 branches dropped · 0 of 19 widths"));
  EXPECT_THAT(svg, HasSubstr("decoder.logits\n21 channels at stride 4"));
  for (const char* stride : {"2", "4", "8", "16", "strides 16, 4"})
    EXPECT_THAT(svg, HasSubstr(std::string(stride) + "</text>"));
}

TEST(SupernetDrawing, ShowsWhatIsCutAndDropped) {
  const Supernet supernet = deeplab_supernet({}, 21);
  const std::string svg =
      draw_subsample(supernet,
                     with(supernet,
                          {{"encoder.features.3", 1},
                           {"encoder.features.3.expansion", 2},  // without effect
                           {"encoder.features.2.expansion", 3},
                           {"decoder.aspp2", 1},
                           {"decoder.aspp.channels", 2},
                           {"decoder.feature_projection0.channels", 1}}));
  EXPECT_THAT(svg, HasSubstr("1 of 11 blocks dropped · 1 of 5 branches dropped · 3 of 19 widths"));
  EXPECT_EQ(occurrences(svg, "<rect class=\"dropped\""), 2u);
  EXPECT_THAT(svg, HasSubstr("encoder.features.3: dropped"));
  EXPECT_THAT(svg, HasSubstr("its input takes the place of its result"));
  EXPECT_THAT(svg, HasSubstr("encoder.features.3.expansion: does not matter here"));
  EXPECT_THAT(svg, HasSubstr("encoder.features.2.expansion: keeps 48 of 96 channels"));
  EXPECT_THAT(svg, HasSubstr(">48 of 96</text>"));
  EXPECT_THAT(svg, HasSubstr(">32 of 48</text>"));
  EXPECT_EQ(occurrences(svg, ">128 of 256</text>"), 5u);  // four branches and the projection
  EXPECT_EQ(occurrences(svg, "<g class=\"a f\">"), 2u);   // to and from the branch
}

TEST(SupernetDrawing, BarsAreAsLongAsTheShareOfChannels) {
  const Supernet supernet = deeplab_supernet({}, 21);
  const std::string svg =
      draw_subsample(supernet, with(supernet, {{"encoder.features.2.expansion", 3}}));
  const std::vector<Rectangle> full = rectangles(svg, "sep track");
  const std::vector<Rectangle> kept = rectangles(svg, "sep share");
  ASSERT_EQ(full.size(), kept.size());
  EXPECT_EQ(2 * kept[0].width, full[0].width);
  EXPECT_EQ(kept[1].width, full[1].width);
}

TEST(SupernetDrawing, BlocksOfEqualStrideStandInRowsOfStages) {
  const std::string svg = draw_subsample(deeplab_supernet({}, 21), Choices(35, 0));
  std::map<double, int> rows;
  for (const Rectangle& box : rectangles(svg, kBoxes)) ++rows[box.y + box.height / 2];
  std::vector<int> counts;
  for (const auto& [y, count] : rows) counts.push_back(count);
  EXPECT_THAT(counts, testing::ElementsAre(2, 2, 3, 4, 3, 4, 5, 2, 3));
}

// Names of any kind, and an arrow that passes a row.
Supernet strange_supernet() {
  Supernet supernet;
  Graph& g = supernet.graph;
  const auto conv = [&](std::vector<NodeId> inputs, std::int64_t in, std::string name) {
    return g.add(Conv{.in_channels = in, .out_channels = 16},
                 std::move(inputs),
                 Section::kEncoder,
                 std::move(name));
  };
  const NodeId picture = g.add(Input{3, 1}, {}, Section::kEncoder, "picture");
  const NodeId a = conv({picture}, 3, "<a>");
  const NodeId b = conv({a}, 16, "b & \"c\"");
  const NodeId c = conv({b}, 16, "c");
  const NodeId joined = g.add(Concat{}, {a, c}, Section::kEncoder, "");
  const NodeId last = conv({joined}, 32, "..");
  g.outputs.push_back({"logits", last});
  supernet.sites = {{SiteKind::kBypass, "<b>", a, b, {}, {}},
                    {SiteKind::kWidth, "w & w", -1, -1, {c}, {16, 8}},
                    {SiteKind::kBranch, "\"a\"", a, joined, {}, {}}};
  return supernet;
}

TEST(SupernetDrawing, NamesAreText) {
  const Supernet supernet = strange_supernet();
  for (const Choices& choices : {Choices{0, 0, 0}, Choices{1, 1, 0}, Choices{0, 1, 1}}) {
    const std::string svg = draw_subsample(supernet, choices);
    EXPECT_EQ(xml_fault(svg), "");
    EXPECT_EQ(occurrences(svg, "<g class=\"b\">"), 4u);
    EXPECT_THAT(svg, HasSubstr("\nw &amp; w: keeps "));
    EXPECT_THAT(svg, HasSubstr("\n&lt;b&gt;: "));
  }
}

TEST(SupernetDrawing, NoSitesOrNoLayersAreDrawnToo) {
  Supernet supernet = strange_supernet();
  supernet.sites.clear();
  EXPECT_EQ(xml_fault(draw_subsample(supernet, {})), "");
  Supernet empty;
  empty.graph.outputs.push_back(
      {"logits", empty.graph.add(Input{3, 1}, {}, Section::kEncoder, "picture")});
  EXPECT_EQ(xml_fault(draw_subsample(empty, {})), "");
}

TEST(SupernetDrawing, RefusesChoicesThatDoNotFit) {
  const Supernet supernet = strange_supernet();
  EXPECT_THROW(draw_subsample(supernet, {0, 0}), core::Error);
  EXPECT_THROW(draw_subsample(supernet, {0, 2, 0}), core::Error);
}

}  // namespace
}  // namespace parsimony::graph
