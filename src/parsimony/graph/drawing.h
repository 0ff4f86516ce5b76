// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "parsimony/space/spaces.h"

namespace parsimony::graph {

struct GridOptions;
struct NetworkDescription;
struct Supernet;

// Strides of the encoder taps of MobileNet-v2, from the finest to the coarsest.
inline constexpr std::array<std::int64_t, space::kEncoderTaps> kUsualTapStrides = {4, 8, 16, 32};

// Drawings of a genotype as self-contained SVG, read from top to bottom: files of their own as well
// as parts of an HTML page, in light and dark mode (the page may set --ink and --op-conv, --op-sep,
// --op-pool, --op-skip). What cannot change the network's answer is faded: "none" and all that only
// it reads, sums of nothing but zeros, taps that no block reads.
std::string draw_cell(const space::CellGenotype& genotype);
std::string draw_decoder(
    const space::CellGenotype& genotype,
    const std::array<std::int64_t, space::kEncoderTaps>& strides = kUsualTapStrides);

// The templates side by side, those that no block uses faded.
std::string draw_templates(const space::TemplateGenotype& genotype);
std::string draw_decoder(
    const space::TemplateGenotype& genotype,
    const std::array<std::int64_t, space::kEncoderTaps>& strides = kUsualTapStrides);

// The cell of a grid genotype from its inputs to its output, and the grid from left to right: a row
// for each scale, a column for each layer, an arrow for each path. Nodes that the grid could have
// and no path leads to are dashed.
std::string draw_grid_cell(const space::GridCell& cell);
std::string draw_paths(const space::GridGenotype& genotype, const GridOptions& options);

// A candidate of a supernet, one choice per site (graph/subsample.h): the supernet's blocks in rows
// of equal stride, those that the candidate leaves out dashed, and how many channels of the others
// it keeps. Throws what graph::subsample throws.
std::string draw_subsample(const Supernet& supernet, const std::vector<int>& choices);

// All drawings of a genotype.
struct Drawing {
  std::string name, title;  // "cell" or "templates", and "decoder" or "paths"; the title with a
                            // capital
  std::string svg;
};
std::vector<Drawing> draw(const space::Genotype& genotype, const NetworkDescription& description);

// Which features of a cell (see CellGenotype) can change the cell's answer, by feature index.
std::vector<bool> features_that_matter(const space::CellGenotype& genotype);

}  // namespace parsimony::graph
