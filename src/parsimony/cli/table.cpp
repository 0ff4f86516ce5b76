// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "parsimony/cli/command.h"

namespace parsimony::cli {
namespace {

constexpr std::array<Command, 16> kCommands = {{
    {"synth", "write a synthetic labelled data set (portraits)", declare_synth},
    {"check", "validate a data set: what is wrong, where, and how to mend it", declare_check},
    {"import", "convert a data set into Parsimony's folder layout", declare_import},
    {"inspect",
     "parameters, MACs, memory and drawing of one architecture, without training",
     declare_inspect},
    {"bench",
     "latency on this host, on a device, or by a device's model; lookup tables",
     declare_bench},
    {"plan", "what a search would do: space, candidates, memory", declare_plan, true},
    {"search",
     "run or continue a study: search, final training, export, report",
     declare_search,
     true},
    {"status", "the state of a study", declare_status},
    {"front", "the Pareto front of a study", declare_front},
    {"show", "one trial of a study", declare_show},
    {"train", "train one architecture fully and export it", declare_train, true},
    {"eval", "data-set metrics of a trained network", declare_eval},
    {"predict", "masks and overlays for pictures", declare_predict},
    {"export", "write a trained network to ONNX with other options", declare_export},
    {"report", "write a study's report again", declare_report},
    {"weights", "fetch and list pre-trained weights", declare_weights},
}};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace parsimony::cli
