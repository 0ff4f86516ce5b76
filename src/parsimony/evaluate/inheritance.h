// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>

#include "parsimony/core/fields.h"
#include "parsimony/network/network.h"
#include "parsimony/study/trial.h"

namespace parsimony::evaluate {

// Whether candidates start from the weights of a relative that was trained before.
struct InheritOptions {
  bool enabled = false;
  int donors = 32;  // the last so many trained candidates are kept to inherit from
  void visit(core::FieldVisitor& v);
};

// Trained decoders of a study, from which later candidates take over the layers that compute the
// same: those with the same layers below them down to the encoder's taps (graph::structures()). All
// of a candidate's inherited layers come from one donor, the one with which it shares most
// parameters, so that they fit together.
//
// Donors are kept in a folder, and a continued study finds them again. Thread-safe.
class Inheritance {
 public:
  Inheritance(const InheritOptions& options, std::filesystem::path folder)
      : options_(options), folder_(std::move(folder)) {}

  // Copies into `decoder` what the closest donor has of it; the share of its trainable values that
  // was replaced, 0 without a donor.
  double start(network::Network& decoder) const;
  // Makes a trained decoder a donor.
  void add(study::TrialId trial, const network::Network& decoder);
  // Makes the donor of a trial that was done before the study was continued one again, if its file
  // is there.
  void restore(study::TrialId trial);

 private:
  // A layer with weights: its structure, and which of the network's layers of that structure it is.
  using Key = std::pair<std::uint64_t, int>;
  struct Donor {
    study::TrialId trial = 0;
    std::map<Key, std::string> layers;  // names
    weights::ArrayMap arrays;
  };

  static std::map<Key, std::string> layers_of(const graph::Graph& decoder);
  std::filesystem::path file_of(study::TrialId trial) const;
  void keep(Donor donor);

  InheritOptions options_;
  std::filesystem::path folder_;
  mutable std::mutex mutex_;
  std::deque<Donor> donors_;  // the latest last
};

}  // namespace parsimony::evaluate
