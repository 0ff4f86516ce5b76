# parsimony_module(NAME [TORCH] [USES module...] [LIBRARIES target...] [PRIVATE_LIBRARIES target...])
#
# Declares the folder it is called from as the library parsimony_NAME and its *_test.cpp files as the
# program NAME_test. Folder, namespace and target carry the same name. USES lists the modules below
# this one whose headers it includes (docs/architecture.md holds the order; tools/check_layers checks it).
function(parsimony_module name)
  cmake_parse_arguments(arg "TORCH" "" "USES;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  set(target parsimony_${name})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp ${CMAKE_CURRENT_SOURCE_DIR}/*/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(TRANSFORM arg_USES PREPEND parsimony_ OUTPUT_VARIABLE modules)

  add_library(${target} STATIC ${sources})
  target_link_libraries(${target} PUBLIC parsimony_flags ${modules} ${arg_LIBRARIES} PRIVATE ${arg_PRIVATE_LIBRARIES})
  if(arg_TORCH)
    target_link_libraries(${target} PUBLIC parsimony_torch)
    if(NOT name STREQUAL "network")
      target_precompile_headers(${target} REUSE_FROM parsimony_network)
    else()
      target_precompile_headers(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src/parsimony/network/tensor.h)
    endif()
  endif()

  if(PARSIMONY_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${target} GTest::gmock GTest::gtest_main ${arg_PRIVATE_LIBRARIES})
    if(arg_TORCH)
      target_precompile_headers(${name}_test REUSE_FROM parsimony_network)
    endif()
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60
                         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} PROPERTIES TIMEOUT 600)
  endif()
endfunction()
