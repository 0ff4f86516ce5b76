// SPDX-License-Identifier: Apache-2.0
#include "parsimony/graph/layered_layout.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "parsimony/core/error.h"

namespace parsimony::graph {
namespace {

// A box, or the slot of an arrow that passes a rank.
struct Place {
  int rank = 0;
  double width = 0;
  bool slot = false;
  bool keep_order = false;
  double x = 0;
  std::vector<std::size_t> above = {}, below = {};  // neighbours one rank up and down
};

class LayeredLayout {
 public:
  LayeredLayout(const std::vector<LayoutBox>& boxes,
                const std::vector<LayoutArrow>& arrows,
                const LayoutOptions& options)
      : boxes_(boxes), arrows_(arrows), options_(options) {}

  Layout run() {
    place();
    order();
    assign_x();
    return measure();
  }

 private:
  void place() {
    for (const LayoutBox& box : boxes_) {
      places_.push_back({.rank = box.rank, .width = box.width, .keep_order = box.keep_order});
    }
    for (const LayoutArrow& arrow : arrows_) {
      core::require(boxes_[arrow.from].rank < boxes_[arrow.to].rank,
                    "layout: arrow from box {} to box {} does not lead to a later rank",
                    arrow.from,
                    arrow.to);
      std::vector<std::size_t> chain = {arrow.from};
      for (int rank = boxes_[arrow.from].rank + 1; rank < boxes_[arrow.to].rank; ++rank) {
        chain.push_back(places_.size());
        places_.push_back({.rank = rank, .slot = true});
      }
      chain.push_back(arrow.to);
      for (std::size_t i = 1; i < chain.size(); ++i) {
        places_[chain[i - 1]].below.push_back(chain[i]);
        places_[chain[i]].above.push_back(chain[i - 1]);
      }
      chains_.push_back(std::move(chain));
    }
    for (std::size_t p = 0; p < places_.size(); ++p) {
      const auto rank = static_cast<std::size_t>(places_[p].rank);
      if (ranks_.size() <= rank) ranks_.resize(rank + 1);
      ranks_[rank].push_back(p);
    }
  }

  // Sorts every rank by the mean position of its neighbours, downwards and upwards in turn, and
  // keeps the order with the fewest crossings.
  void order() {
    constexpr int kSweeps = 24;
    auto best = ranks_;
    auto fewest = crossings();
    for (int sweep = 0; sweep < kSweeps && fewest > 0; ++sweep) {
      const bool down = sweep % 2 == 0;
      for (std::size_t i = 1; i < ranks_.size(); ++i) {
        sort_rank(ranks_[down ? i : ranks_.size() - 1 - i], down);
      }
      const auto count = crossings();
      if (count < fewest) {
        fewest = count;
        best = ranks_;
      }
    }
    ranks_ = std::move(best);
  }

  std::vector<double> positions() const {
    std::vector<double> position(places_.size());
    for (const auto& rank : ranks_) {
      for (std::size_t i = 0; i < rank.size(); ++i) {
        // Relative, so that ranks of different sizes pull towards each other's middle.
        position[rank[i]] = (static_cast<double>(i) + 0.5) / static_cast<double>(rank.size());
      }
    }
    return position;
  }

  void sort_rank(std::vector<std::size_t>& rank, bool down) {
    if (std::any_of(rank.begin(), rank.end(), [&](std::size_t p) { return places_[p].keep_order; }))
      return;
    const std::vector<double> position = positions();
    std::vector<double> key(places_.size());
    for (const std::size_t p : rank) {
      const auto& near = down ? places_[p].above : places_[p].below;
      double sum = 0;
      for (const std::size_t n : near) sum += position[n];
      key[p] = near.empty() ? position[p] : sum / static_cast<double>(near.size());
    }
    std::stable_sort(
        rank.begin(), rank.end(), [&](std::size_t a, std::size_t b) { return key[a] < key[b]; });
  }

  std::size_t crossings() const {
    const std::vector<double> position = positions();
    std::size_t count = 0;
    for (const auto& rank : ranks_) {
      std::vector<std::pair<double, double>> links;
      for (const std::size_t p : rank) {
        for (const std::size_t q : places_[p].below) links.emplace_back(position[p], position[q]);
      }
      for (std::size_t a = 0; a < links.size(); ++a) {
        for (std::size_t b = a + 1; b < links.size(); ++b) {
          if ((links[a].first - links[b].first) * (links[a].second - links[b].second) < 0) ++count;
        }
      }
    }
    return count;
  }

  double distance(std::size_t left, std::size_t right) const {
    const bool slot = places_[left].slot || places_[right].slot;
    return (places_[left].width + places_[right].width) / 2 +
           (slot ? options_.slot_gap : options_.box_gap);
  }

  void assign_x() {
    constexpr int kRounds = 120;
    for (const auto& rank : ranks_) {
      double x = 0;
      for (std::size_t i = 1; i < rank.size(); ++i)
        places_[rank[i]].x = x += distance(rank[i - 1], rank[i]);
      for (const std::size_t p : rank) places_[p].x -= x / 2;
    }
    for (int round = 0; round < kRounds; ++round) {
      const bool down = round % 2 == 0;
      for (std::size_t i = 0; i < ranks_.size(); ++i) {
        settle(ranks_[down ? i : ranks_.size() - 1 - i], down, 2 * round >= kRounds);
      }
    }
  }

  // Moves a rank's places as near to their neighbours' mean as their order and distances allow: the
  // exact least-squares answer, by pooling adjacent violators.
  void settle(const std::vector<std::size_t>& rank, bool down, bool both_sides) {
    struct Group {
      double sum = 0, weight = 0;
      std::size_t count = 0;
      double mean() const { return sum / weight; }
    };
    std::vector<Group> groups;
    std::vector<double> offsets;
    double offset = 0;
    double middle = 0;
    for (const std::size_t p : rank) middle += places_[p].x / static_cast<double>(rank.size());
    for (std::size_t i = 0; i < rank.size(); ++i) {
      if (i > 0) offset += distance(rank[i - 1], rank[i]);
      offsets.push_back(offset);
      const Place& place = places_[rank[i]];
      // Straight passing arrows matter more than centred boxes. What no arrow touches stays close
      // to the others without moving them.
      const bool loose = place.above.empty() && place.below.empty();
      const double weight = loose ? 1e-3 : place.slot ? 4 : 1;
      const double wanted = loose ? middle : wanted_x(place, down, both_sides);
      groups.push_back({weight * (wanted - offset), weight, 1});
      while (groups.size() > 1 && groups[groups.size() - 2].mean() > groups.back().mean()) {
        Group& into = groups[groups.size() - 2];
        into.sum += groups.back().sum;
        into.weight += groups.back().weight;
        into.count += groups.back().count;
        groups.pop_back();
      }
    }
    std::size_t i = 0;
    for (const Group& group : groups) {
      for (std::size_t k = 0; k < group.count; ++k, ++i)
        places_[rank[i]].x = group.mean() + offsets[i];
    }
  }

  double wanted_x(const Place& place, bool down, bool both_sides) const {
    std::vector<std::size_t> near = down ? place.above : place.below;
    if (near.empty() || both_sides) {
      near = place.above;
      near.insert(near.end(), place.below.begin(), place.below.end());
    }
    double sum = 0, weights = 0;
    for (const std::size_t n : near) {
      // Bends of a passing arrow are better at its ends than on its way.
      const double weight = place.slot && places_[n].slot ? 8 : 1;
      sum += weight * places_[n].x;
      weights += weight;
    }
    return sum / weights;
  }

  Layout measure() const {
    double left = std::numeric_limits<double>::infinity();
    double right = -left;
    for (const Place& place : places_) {
      left = std::min(left, place.x - place.width / 2);
      right = std::max(right, place.x + place.width / 2);
    }
    std::vector<double> middles, halves;
    double y = 0;
    for (const auto& rank : ranks_) {
      double height = 0;
      for (const std::size_t p : rank) {
        if (!places_[p].slot) height = std::max(height, boxes_[p].height);
      }
      middles.push_back(y + height / 2);
      halves.push_back(height / 2);
      y += height + options_.rank_gap;
    }
    Layout layout;
    layout.width = right - left;
    layout.height = y - options_.rank_gap;
    for (std::size_t b = 0; b < boxes_.size(); ++b) {
      layout.centres.push_back(
          {places_[b].x - left, middles[static_cast<std::size_t>(boxes_[b].rank)]});
    }
    const std::vector<double> entries = entry_offsets();
    for (std::size_t a = 0; a < arrows_.size(); ++a) {
      std::vector<LayoutPoint> route;
      const auto& chain = chains_[a];
      for (std::size_t i = 0; i < chain.size(); ++i) {
        const Place& place = places_[chain[i]];
        const auto rank = static_cast<std::size_t>(place.rank);
        const bool first = i == 0;
        const bool last = i + 1 == chain.size();
        const double x = place.x - left + (last ? entries[a] : 0);
        const double half = place.slot ? halves[rank] : boxes_[chain[i]].height / 2;
        route.push_back({x, middles[rank] + (first ? half : -halves[rank])});
        route.push_back({x, middles[rank] + (last ? -half : halves[rank])});
      }
      layout.routes.push_back(std::move(route));
    }
    return layout;
  }

  // Arrows into one box enter side by side, in the order of where they come from.
  std::vector<double> entry_offsets() const {
    std::vector<double> offsets(arrows_.size(), 0);
    for (std::size_t box = 0; box < boxes_.size(); ++box) {
      std::vector<std::size_t> incoming;
      for (std::size_t a = 0; a < arrows_.size(); ++a) {
        if (arrows_[a].to == box) incoming.push_back(a);
      }
      std::stable_sort(incoming.begin(), incoming.end(), [this](std::size_t a, std::size_t b) {
        return places_[chains_[a][chains_[a].size() - 2]].x <
               places_[chains_[b][chains_[b].size() - 2]].x;
      });
      const double step = boxes_[box].width / static_cast<double>(incoming.size() + 1);
      for (std::size_t i = 0; i < incoming.size(); ++i) {
        offsets[incoming[i]] = step * static_cast<double>(i + 1) - boxes_[box].width / 2;
      }
    }
    return offsets;
  }

  const std::vector<LayoutBox>& boxes_;
  const std::vector<LayoutArrow>& arrows_;
  const LayoutOptions& options_;
  std::vector<Place> places_;                     // the boxes, then the slots
  std::vector<std::vector<std::size_t>> chains_;  // per arrow: box, slots, box
  std::vector<std::vector<std::size_t>> ranks_;   // places from left to right
};

}  // namespace

Layout lay_out(const std::vector<LayoutBox>& boxes,
               const std::vector<LayoutArrow>& arrows,
               const LayoutOptions& options) {
  core::require(!boxes.empty(), "layout: there are no boxes");
  return LayeredLayout(boxes, arrows, options).run();
}

}  // namespace parsimony::graph
