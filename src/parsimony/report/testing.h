// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "parsimony/core/rng.h"
#include "parsimony/graph/cell_decoder.h"
#include "parsimony/graph/cost.h"
#include "parsimony/graph/deeplab.h"
#include "parsimony/report/report.h"
#include "parsimony/space/cell.h"
#include "parsimony/space/grid_space.h"
#include "parsimony/space/mixed_cell.h"
#include "parsimony/study/summary.h"

namespace parsimony::report {

// A made-up but plausible study for tests: what a search over 160 candidates with every kind of
// outcome, a random baseline and three trained networks leaves behind.

inline Picture fake_picture(int seed, bool coloured_by_class, const std::vector<Colour>& palette) {
  // An uncompressed bitmap, 24 bits, rows from the lowest: an oval on a ground.
  constexpr int kSize = 48;
  std::vector<std::uint8_t> bytes(54 + kSize * kSize * 3, 0);
  const auto put = [&bytes](std::size_t at, std::uint32_t value) {
    for (std::size_t k = 0; k < 4; ++k) bytes[at + k] = static_cast<std::uint8_t>(value >> (8 * k));
  };
  bytes[0] = 'B';
  bytes[1] = 'M';
  put(2, static_cast<std::uint32_t>(bytes.size()));
  put(10, 54);
  put(14, 40);
  put(18, kSize);
  put(22, kSize);
  put(26, 1 | 24u << 16);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const double dx = x - 24 - seed % 5;
      const double dy = y - 18 - seed % 7;
      const std::size_t inside = dx * dx + dy * dy / 1.6 < 190 ? 1 : y < 10 ? 2 : 0;
      const auto shade = static_cast<std::uint8_t>(90 + 2 * x + y);
      const Colour photo = inside == 1 ? Colour{224, 182, 160} : Colour{shade, 150, 190};
      const Colour colour = coloured_by_class ? palette[inside] : photo;
      for (std::size_t c = 0; c < 3; ++c)
        bytes[54 + static_cast<std::size_t>(y * kSize + x) * 3 + c] = colour[2 - c];
    }
  }
  return {"image/bmp", std::move(bytes)};
}

inline study::Trial fake_trial(study::TrialId id, double skill, core::Rng rng) {
  const space::CellSpace cells;
  const space::Tokens tokens = space::sample(cells, rng);
  study::Trial trial;
  trial.id = id;
  trial.state = study::TrialState::kDone;
  trial.genotype = cells.text(tokens);
  trial.tokens = tokens;
  const auto network = graph::lower(cells.genotype(tokens), {}, {.auxiliary = false}, 7);
  trial.costs["params"] = static_cast<double>(graph::count_parameters(network.graph).decoder);
  trial.costs["macs"] = static_cast<double>(graph::count_macs(network.graph, {256, 256}).total());
  trial.started = 1.7635e9 + 24 * static_cast<double>(id);
  trial.seconds = rng.uniform(14, 40);
  const double size = std::log10(trial.costs["params"]);
  const double reward =
      std::min(0.86, std::max(0.05, 0.2 * (size - 3.1) + skill + 0.07 * rng.normal()));
  const double fate = rng.uniform();
  if (fate < 0.70) {
    trial.outcome = study::Scored{{{"reward", reward}, {"miou", reward * 0.93}}};
  } else if (fate < 0.84) {
    trial.outcome =
        study::Pruned{"stage 0", "reward below the running mean", {{"reward", reward * 0.6}}};
  } else if (fate < 0.90) {
    trial.outcome =
        study::Pruned{"before training", "the network's answer is the same for every picture", {}};
  } else if (fate < 0.94) {
    trial.outcome = study::Failed{study::FailureReason::kDiverged,
                                  "loss is not a number after 41 steps of stage 0"};
  } else if (fate < 0.97) {
    trial.outcome =
        study::Failed{study::FailureReason::kOutOfMemory, "2.1 GiB needed, 1.6 GiB allowed"};
  } else {
    trial.outcome = study::Failed{study::FailureReason::kTimedOut, "120 s allowed"};
  }
  return trial;
}

inline ReportData fake_report_data(int count = 160) {
  ReportData data{.title = "portraits-rl"};
  data.version = "0.1.0";
  data.seed = "7";
  data.machine = "Xeon, 2 cores, 2 threads, LibTorch 1.13.1 CPU";
  data.command = "parsimony search configs/portraits.yaml --set seed=7";
  data.resolved_study =
      "# Parsimony 0.1.0\nseed: 7\ndata:\n  folder: synth/portraits\nsearch:\n  method: rl\n  "
      "trials: 160\n";
  data.objectives = {objective::objective_by_name("reward"),
                     objective::objective_by_name("params")};
  data.classes = {"background", "skin", "hair", "left eye", "right eye", "mouth", "clothes"};
  data.palette = {{40, 44, 52},
                  {233, 180, 150},
                  {116, 75, 45},
                  {60, 140, 220},
                  {30, 190, 200},
                  {200, 60, 80},
                  {90, 120, 70}};
  const core::Rng root(7);
  data.events.push_back({1, 1.7635e9, "started", ""});
  for (int i = 1; i <= count; ++i) {
    data.trials.push_back(fake_trial(
        i, 0.20 + 0.16 * i / count, root.split("search").split(static_cast<std::uint64_t>(i))));
    data.baseline.push_back(
        fake_trial(i, 0.20, root.split("random").split(static_cast<std::uint64_t>(i))));
    data.diagnostics["entropy"][0].emplace_back(i, 1.95 - 0.003 * i - 0.00001 * i * i);
    data.diagnostics["baseline"][0].emplace_back(i, 0.62 - 0.3 * std::exp(-i / 40.0));
    if (i == 50 || i == 90) {
      data.trials.back().same_as = 10;
      data.trials.back().seconds = 0.1;
    }
  }
  const study::Front front = study::front_of(data.trials, {}, data.objectives);
  const std::size_t step = std::max<std::size_t>(1, front.trials.size() / 3);
  for (std::size_t i = front.trials.size(); i-- > 0 && data.models.size() < 3;
       i -= std::min(i, step - 1)) {
    const study::FrontTrial& member = front.trials[i];
    ReportedModel model;
    model.model = {member.id, "models/" + std::to_string(member.id), {}, 95};
    const double miou = member.scores.at("miou") - 0.015;
    model.metrics = TestMetrics{
        .miou = miou, .pixel_accuracy = 0.93, .mean_accuracy = miou + 0.05, .images = 200};
    for (int c = 0; c < 7; ++c)
      model.metrics->iou.push_back(std::min(0.99, miou + 0.08 * (3 - c % 5)));
    model.metrics->iou[6] = std::nullopt;
    model.onnx_difference = 1.4e-5;
    for (int s = 1; s <= 3; ++s) {
      model.samples.push_back({"000" + std::to_string(s),
                               fake_picture(s, false, data.palette),
                               fake_picture(s, true, data.palette),
                               fake_picture(s + static_cast<int>(i) + 1, true, data.palette)});
    }
    data.models.push_back(std::move(model));
  }
  data.events.push_back({2, data.trials.back().started + 400, "finished", ""});
  return data;
}

// A made-up search among the parts of a supernet, which is its first candidate, and six of them
// fine-tuned: what training does is known, so are the networks that are cheap enough.
inline study::Trial fake_part(study::TrialId id,
                              const graph::Supernet& supernet,
                              const graph::Choices& choices,
                              core::Rng rng) {
  study::Trial trial;
  trial.id = id;
  trial.state = study::TrialState::kDone;
  const graph::Choices canonical = graph::canonical(supernet, choices);
  trial.genotype = space::to_text(space::Subnetwork{canonical});
  trial.tokens = canonical;
  const graph::Graph part = graph::subsample(supernet, canonical);
  trial.costs["params"] = static_cast<double>(graph::count_parameters(part).total());
  trial.costs["macs"] = static_cast<double>(graph::count_macs(part, {129, 129}).total());
  trial.costs["latency_ms.gap8"] = 4e-7 * trial.costs["macs"] * rng.uniform(0.8, 1);
  trial.started = 1.7635e9 + 5 * static_cast<double>(id);
  trial.seconds = rng.uniform(3, 5);
  const double kept =
      trial.costs["params"] / static_cast<double>(graph::count_parameters(supernet.graph).total());
  const double miou = 0.72 * (1 - std::pow(1 - std::min(1.0, kept), 1.4));
  trial.outcome =
      study::Scored{{{"miou", std::max(0.03, miou - (kept < 1 ? rng.uniform(0, 0.05) : 0))}}};
  return trial;
}

inline ReportData fake_compression_data(int count = 40) {
  ReportData data{.title = "camvid-fmas"};
  data.machine = "Xeon, 2 cores, 2 threads, LibTorch 1.13.1 CPU";
  data.command = "parsimony search configs/fmas-camvid.yaml";
  data.objectives = {objective::objective_by_name("miou"),
                     objective::objective_by_name("params"),
                     objective::objective_by_name("latency_ms.gap8")};
  data.network.classes = 11;
  const graph::Supernet supernet =
      graph::deeplab_supernet(data.network.supernet, data.network.classes);
  const core::Rng root(11);
  for (int i = 1; i <= count; ++i) {
    core::Rng rng = root.split(static_cast<std::uint64_t>(i));
    const double keep = i == 1 ? 1 : rng.uniform(0.1, 0.9);
    graph::Choices choices;
    for (const graph::Site& site : supernet.sites) {
      const bool reduced = site.kind != graph::SiteKind::kBranch && !rng.chance(keep);
      choices.push_back(reduced ? 1 + static_cast<int>(rng.below(site.options() - 1)) : 0);
    }
    data.trials.push_back(fake_part(i, supernet, choices, rng));
  }
  for (const study::TrialId id : {1, 5, 12, 14, 22, 38}) {
    if (id > count) continue;
    const study::Trial& trial = data.trials[static_cast<std::size_t>(id - 1)];
    const double miou = *study::value_of(trial, "miou");
    ReportedModel model;
    model.model = {id, "models/" + std::to_string(id), trial.costs, 300};
    model.model.scores["miou_frozen"] = 0.8 * miou;
    model.model.scores["miou_recalibrated"] = miou - 0.02;
    model.model.scores["miou"] = 0.38 + 0.5 * miou;
    data.models.push_back(std::move(model));
  }
  data.events = {{1, data.trials.front().started, "started", ""},
                 {2,
                  data.trials.back().started + 5,
                  "sharing",
                  "parts of the network taken over: 2.31 of 3.02 PMACs computed, 1.31 x"},
                 {3, data.trials.back().started + 2000, "finished", ""}};
  return data;
}

// A made-up two-stage search: of each seed, curves that fall and rise as they should (the second
// seed's becomes too sharp and ends), and of each budget a network, besides one with a
// random cell and one with random paths.
// Softmax of logits that are 0 but for the cell's own operations.
inline std::vector<std::vector<double>> fake_operation_weights(const space::GridCell& cell,
                                                               double logit) {
  const std::vector<space::CandidateOp> ops = space::all_candidate_ops();
  std::vector<std::vector<double>> weights;
  for (const space::MixedEdge& edge :
       space::mixed_edges({.nodes = cell.nodes(), .inputs = cell.inputs, .ops = ops})) {
    std::vector<double>& row = weights.emplace_back(ops.size(), 1.0);
    for (const space::GridCellEdge& own : cell.edges) {
      if (own.node == edge.node && own.source == edge.source)
        row[static_cast<std::size_t>(std::ranges::find(ops, space::CandidateOp(own.op)) -
                                     ops.begin())] = std::exp(logit);
    }
    double sum = 0;
    for (const double value : row) sum += value;
    for (double& value : row) value /= sum;
  }
  return weights;
}

inline differentiable::CellSearchHistory fake_cell_search(core::Rng rng, bool returns) {
  constexpr int kWarmUp = 8, kEpochs = 24, kReturned = 14;
  differentiable::CellSearchHistory history;
  const double level = rng.uniform(0.3, 0.6);
  const auto note = [&](int epoch) {
    const double progress = static_cast<double>(epoch) / kEpochs;
    differentiable::CellNote now;
    now.epoch = epoch;
    now.weight_loss = level + 1.6 * std::exp(-4 * progress) + 0.03 * rng.uniform();
    now.entropy = 1.95 - (0.8 + level) * std::max(0.0, progress - 0.33);
    now.cell = space::random_cell(4, 1, rng);
    now.weights = fake_operation_weights(now.cell, 8 * progress);
    if (epoch >= kWarmUp) {
      now.architecture_loss = now.weight_loss + 0.08 + 0.04 * rng.uniform();
      now.eigenvalue =
          0.2 + 0.05 * rng.uniform() + (returns && epoch > 13 ? 0.05 * (epoch - 13) : 0);
      now.supernet_miou = 0.5 - level / 2 + 0.3 * progress + 0.01 * rng.uniform();
      now.discrete_miou = *now.supernet_miou - 0.2 + 0.15 * progress;
      now.skips = static_cast<int>(rng.below(3)) + (returns ? epoch / 8 : 0);
    }
    history.epochs.push_back(now);
  };
  for (int epoch = 0; epoch < (returns ? 19 : kEpochs); ++epoch) note(epoch);
  if (returns) history.returned_to = {kReturned};
  history.cell = history.epochs[returns ? kReturned : kEpochs - 1].cell;
  return history;
}

inline differentiable::PathSearchHistory fake_path_search(core::Rng rng,
                                                          double budget,
                                                          const space::GridRules& rules) {
  constexpr int kLayers = 4, kWarmUp = 6, kEpochs = 20;
  differentiable::PathSearchHistory history;
  const double level = rng.uniform(0, 0.05);
  history.budget = budget;
  history.paths = space::random_paths(kLayers, rules, rng);
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const double progress = static_cast<double>(epoch) / kEpochs;
    const double open = std::exp(-6 * std::max(0.0, progress - 0.3));
    differentiable::PathNote now;
    now.epoch = epoch;
    now.weight_loss = 0.55 - budget / 2 + level + 1.2 * std::exp(-4 * progress);
    now.entropy = 0.1 * budget + level + 0.5 * open;
    now.cost = budget + (1 - budget) * open;
    now.paths = history.paths;
    if (epoch >= kWarmUp) {
      now.architecture_loss = now.weight_loss + 0.06;
      if (epoch % 2 == 0) {
        now.supernet_miou = 0.4 + 0.1 * budget - level + 0.2 * progress;
        now.discrete_miou = *now.supernet_miou - 0.3 * open;
      }
    }
    history.epochs.push_back(now);
  }
  for (int layer = 1; layer <= kLayers; ++layer) {
    auto& gates = history.gates.emplace_back();
    auto& deviations = history.deviations.emplace_back();
    const space::GridLayer& kept = history.paths[static_cast<std::size_t>(layer - 1)];
    for (const space::GridEdge& edge : space::possible_edges(rules, layer)) {
      const bool open = std::ranges::find(kept, edge) != kept.end();
      gates.push_back(open ? rng.uniform(0.6, 1) : rng.uniform(0, 0.3));
      deviations.push_back(rng.uniform(0, 0.13));
    }
  }
  return history;
}

inline ReportData fake_two_stage_data(int seeds = 2, std::vector<double> budgets = {0.25, 0.5}) {
  using differentiable::NetworkOrigin;
  ReportData data{.title = "camvid-rspnet"};
  data.machine = "Xeon, 2 cores, 2 threads, LibTorch 1.13.1 CPU";
  data.command = "parsimony search configs/rspnet.yaml";
  data.objectives = {objective::objective_by_name("miou"), objective::objective_by_name("params")};
  data.network.classes = 11;
  data.two_stage.emplace().cost = "params";
  const core::Rng root(5);
  const auto add = [&](NetworkOrigin origin,
                       std::int64_t seed,
                       double budget,
                       const space::GridGenotype& genotype,
                       double miou) {
    study::Trial trial;
    trial.id = static_cast<study::TrialId>(data.trials.size()) + 1;
    trial.state = study::TrialState::kDone;
    trial.genotype = space::to_text(genotype);
    const graph::Graph network = graph::lower(genotype, data.network).graph;
    trial.costs["params"] = static_cast<double>(graph::count_parameters(network).total());
    trial.costs["macs"] = static_cast<double>(graph::count_macs(network, {128, 128}).total());
    trial.started = 1.7635e9 + 3600 * static_cast<double>(trial.id);
    trial.seconds = 120;
    trial.outcome = study::Scored{{{"miou", miou - 0.2}}};
    ReportedModel model;
    model.model = {trial.id, "models/" + std::to_string(trial.id), {{"miou", miou}}, 900};
    data.two_stage->networks.push_back({trial.id, origin, seed, budget});
    data.models.push_back(std::move(model));
    data.trials.push_back(std::move(trial));
  };
  for (int s = 1; s <= seeds; ++s) {
    core::Rng rng = root.split(static_cast<std::uint64_t>(s));
    differentiable::SeedHistory seed;
    seed.seed = s;
    seed.cell = fake_cell_search(rng.split("cell"), s == 2);
    for (const double budget : budgets) {
      seed.paths.push_back(fake_path_search(
          rng.split("paths").split(seed.paths.size()), budget, data.network.grid.rules));
      const space::GridCell& cell = seed.cell.cell;
      const auto& paths = seed.paths.back().paths;
      const double miou = 0.6 + 0.1 * budget + 0.005 * s;
      add(NetworkOrigin::kSearched, s, budget, {cell, paths}, miou);
      add(NetworkOrigin::kRandomCell,
          s,
          budget,
          {space::random_cell(4, 1, rng), paths},
          miou - 0.02);
      add(NetworkOrigin::kRandomPaths,
          s,
          budget,
          {cell, space::random_paths(4, data.network.grid.rules, rng)},
          miou - 0.03 + 0.04 * budget * s);
    }
    data.two_stage->seeds.push_back(std::move(seed));
  }
  data.events = {{1, 1.7635e9, "started", ""},
                 {2, data.trials.back().started + 9000, "finished", ""}};
  return data;
}

}  // namespace parsimony::report
