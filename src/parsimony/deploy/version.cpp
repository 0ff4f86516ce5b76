// SPDX-License-Identifier: Apache-2.0
#include "parsimony/deploy/version.h"

namespace parsimony::deploy {

std::string_view version() {
  return PARSIMONY_VERSION;
}

}  // namespace parsimony::deploy
