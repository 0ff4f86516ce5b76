// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "parsimony/report/view.h"

namespace parsimony::report {

// The parts of the page in their order, each as markup. A section without anything to show says so
// in a sentence, or is empty where it would only be noise.
std::string render_header(const View& view);
std::string render_front(const View& view);
std::string render_models(const View& view);
// Of a study over parts of a supernet; empty for others.
std::string render_compression(const View& view);
// Of a two-stage differentiable search; empty for others.
std::string render_two_stage(const View& view);
std::string render_classes(const View& view);
std::string render_joints(const View& view);
std::string render_samples(const View& view);
std::string render_transfers(const View& view);
std::string render_history(const View& view);
std::string render_outcomes(const View& view);
std::string render_cost(const View& view);
std::string render_trials(const View& view);
std::string render_definitions(const View& view);
std::string render_reproduction(const View& view);

// Everything known about one trial: numbers, genotype, drawings.
std::string render_card(const View& view, const study::Trial& trial);

// Opens a section that the page's contents list can lead to; closed by "</section>".
std::string open_section(const std::string& id, const std::string& title, const std::string& lead);

}  // namespace parsimony::report
