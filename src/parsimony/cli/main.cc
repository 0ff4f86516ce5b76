// SPDX-License-Identifier: Apache-2.0
#include "parsimony/cli/application.h"

int main(int argc, char** argv) {
  return parsimony::cli::run(argc, argv);
}
