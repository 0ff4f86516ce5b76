// SPDX-License-Identifier: Apache-2.0
#include "parsimony/evaluate/value_cache.h"

namespace parsimony::evaluate {
namespace {

constexpr double kEntryBytes = 512;  // of the bookkeeping, about

}  // namespace

double Value::bytes() const {
  double sum = kEntryBytes;
  for (const auto& [node, map] : maps) sum += static_cast<double>(map.nbytes());
  for (const network::Tensor& statistic : statistics)
    sum += static_cast<double>(statistic.nbytes());
  return sum;
}

ValueCache::Kept ValueCache::get(const std::string& key, const std::function<Kept()>& compute) {
  {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (Kept kept = use(key)) return kept;
      const auto found = claims_.find(key);
      if (found == claims_.end()) break;
      // Held by us, too: what is computed may be forgotten before this thread wakes.
      const std::shared_ptr<const Claim> claim = found->second;
      settled_.wait(lock, [&] { return claim->done; });
      if (claim->value) return claim->value;
    }
    claims_[key] = std::make_shared<Claim>();
  }
  Kept value;
  try {
    value = compute();
  } catch (...) {
    settle(key, nullptr);
    throw;
  }
  settle(key, value);
  return value;
}

ValueCache::Kept ValueCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  return use(key);
}

void ValueCache::keep(const std::string& key, const Kept& value) {
  const std::lock_guard lock(mutex_);
  insert(key, value);
}

double ValueCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void ValueCache::settle(const std::string& key, const Kept& value) {
  {
    const std::lock_guard lock(mutex_);
    const auto claim = claims_.find(key);
    claim->second->value = value;
    claim->second->done = true;
    claims_.erase(claim);
    if (value) insert(key, value);
  }
  settled_.notify_all();
}

ValueCache::Kept ValueCache::use(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second.place);
  return found->second.value;
}

void ValueCache::insert(const std::string& key, const Kept& value) {
  const double bytes = value->bytes();
  if (bytes > limit_ || entries_.contains(key)) return;
  by_use_.push_front(key);
  entries_[key] = {value, bytes, by_use_.begin()};
  bytes_ += bytes;
  while (bytes_ > limit_) {
    const auto oldest = entries_.find(by_use_.back());
    bytes_ -= oldest->second.bytes;
    entries_.erase(oldest);
    by_use_.pop_back();
  }
}

}  // namespace parsimony::evaluate
