// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parsimony/data/synth.h"

// The scenes of data/synth.h other than portraits. Private to this module.
namespace parsimony::data {

// One person; classes background and person (synth_people.cpp).
Sample synth_person(const SynthOptions& options, core::Rng rng);

// One room; classes wall, floor, ceiling and box (synth_rooms.cpp).
Sample synth_room(const SynthOptions& options, core::Rng rng);

}  // namespace parsimony::data
