// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "parsimony/graph/graph.h"
#include "parsimony/network/tensor.h"
#include "parsimony/train/recalibrate.h"

namespace parsimony::evaluate {

// What a part of a network left of a batch of pictures.
struct Value {
  std::map<graph::NodeId, network::Tensor> maps;  // by the supernet's node
  train::Statistics statistics;                   // of its batch norms, where they were asked for
  double bytes() const;
};

// Keeps values that are expensive to compute, those used last within a limit of memory, and lets
// nobody compute what another thread is computing.
class ValueCache {
 public:
  using Kept = std::shared_ptr<const Value>;

  // 0 bytes: nothing is kept.
  explicit ValueCache(double bytes) : limit_(bytes) {}

  // The value of `key`: the one that is kept, or that another thread is computing, for which it
  // waits, else what `compute` returns. That may be null, and may throw; then the next who wants
  // the value computes it. `compute` may ask for other values, as long as no two values need each
  // other.
  Kept get(const std::string& key, const std::function<Kept()>& compute);

  // Without computing: null where it is not kept.
  Kept find(const std::string& key);
  void keep(const std::string& key, const Kept& value);

  double bytes() const;

 private:
  using ByUse = std::list<std::string>;  // keys, the one used last in front
  struct Entry {
    Kept value;
    double bytes = 0;
    ByUse::iterator place;
  };
  struct Claim {
    bool done = false;
    Kept value;
  };

  Kept use(const std::string& key);
  void insert(const std::string& key, const Kept& value);
  void settle(const std::string& key, const Kept& value);

  const double limit_;
  mutable std::mutex mutex_;
  std::condition_variable settled_;
  std::map<std::string, std::shared_ptr<Claim>> claims_;
  std::map<std::string, Entry> entries_;
  ByUse by_use_;
  double bytes_ = 0;
};

}  // namespace parsimony::evaluate
