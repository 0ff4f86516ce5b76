// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/subset.h"

#include <algorithm>
#include <numeric>

#include "parsimony/core/error.h"

namespace parsimony::evaluate {
namespace {

constexpr double kTolerance = 0.02;      // of a class's share
constexpr std::int64_t kAttempts = 200;  // to exchange a picture, times the size of the set

using Pixels = std::vector<std::int64_t>;

// The classes' pixels in the chosen pictures, held against those in the whole set.
class Shares {
 public:
  explicit Shares(const std::vector<Pixels>& pictures)
      : whole_(pictures[0].size(), 0), chosen_(pictures[0].size(), 0) {
    for (const Pixels& picture : pictures) {
      for (std::size_t c = 0; c < whole_.size(); ++c) whole_[c] += picture[c];
    }
  }

  void add(const Pixels& picture, std::int64_t times) {
    for (std::size_t c = 0; c < chosen_.size(); ++c) chosen_[c] += times * picture[c];
  }

  struct Distance {
    double sum = 0, largest = 0;  // of the squares over the classes
  };
  Distance distance() const {
    const double scale = total(whole_) / std::max(1.0, total(chosen_));
    Distance distance;
    for (std::size_t c = 0; c < whole_.size(); ++c) {
      if (whole_[c] == 0) continue;
      const double ratio = scale * static_cast<double>(chosen_[c]) / static_cast<double>(whole_[c]);
      const double square = (ratio - 1) * (ratio - 1);
      distance.sum += square;
      distance.largest = std::max(distance.largest, square);
    }
    return distance;
  }

 private:
  static double total(const Pixels& pixels) {
    return static_cast<double>(std::accumulate(pixels.begin(), pixels.end(), std::int64_t{0}));
  }

  Pixels whole_, chosen_;
};

std::size_t& at(std::vector<std::size_t>& order, std::int64_t place) {
  return order[static_cast<std::size_t>(place)];
}

}  // namespace

std::vector<std::int64_t> class_pixels(const data::LabelMap& labels, int classes) {
  Pixels pixels(256, 0);
  for (const std::uint8_t id : labels.ids) ++pixels[id];
  pixels.resize(static_cast<std::size_t>(classes));
  return pixels;
}

std::vector<std::size_t> stratified_subset(const std::vector<Pixels>& pictures,
                                           std::int64_t count,
                                           core::Rng rng) {
  if (count <= 0 || count > std::ssize(pictures)) {
    core::throw_user_error(
        "a subset of {} pictures of the {} in the split: expected 1 to {}; change supernet.pictures",
        count,
        pictures.size(),
        pictures.size());
  }
  std::vector<std::size_t> order(pictures.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  rng.shuffle(order);
  Shares shares(pictures);
  for (std::int64_t i = 0; i < count; ++i) shares.add(pictures[at(order, i)], 1);

  const std::int64_t others = std::ssize(pictures) - count;
  Shares::Distance now = shares.distance();
  for (std::int64_t attempt = 0; others > 0 && attempt < kAttempts * std::ssize(pictures);
       ++attempt) {
    if (now.largest <= kTolerance * kTolerance) break;
    std::size_t& out = at(order, rng.below(count));
    std::size_t& in = at(order, count + rng.below(others));
    shares.add(pictures[out], -1);
    shares.add(pictures[in], 1);
    const Shares::Distance then = shares.distance();
    if (then.sum < now.sum) {
      now = then;
      std::swap(in, out);
    } else {
      shares.add(pictures[in], -1);
      shares.add(pictures[out], 1);
    }
  }
  order.resize(static_cast<std::size_t>(count));
  std::ranges::sort(order);
  return order;
}

}  // namespace parsimony::evaluate
