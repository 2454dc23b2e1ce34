# SPDX-License-Identifier: MIT
# What `make install` installs, by GNUInstallDirs. Three components: runtime (the shared library),
# development (headers, static library, pkg-config, CMake, manual) and tool.
include(CMakePackageConfigHelpers)

install(TARGETS roost_shared roost_${ROOST_ENGINE} EXPORT roost-targets
        LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
        ARCHIVE COMPONENT development)
install(DIRECTORY include/roost DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN *.h)

if(ROOST_LIBNUMA AND ROOST_LIBNUMA_INCLUDE AND ROOST_ENGINE STREQUAL roost)
  set(ROOST_PRIVATE_LIBS -lnuma)
endif()
configure_file(cmake/roost.pc.in roost.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/roost.pc COMPONENT development
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/roost)
configure_package_config_file(cmake/roost-config.cmake.in roost-config.cmake
                              INSTALL_DESTINATION ${package})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(roost-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/roost-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/roost-config-version.cmake
        DESTINATION ${package} COMPONENT development)
install(EXPORT roost-targets NAMESPACE roost:: DESTINATION ${package} COMPONENT development)

# The tool runs programs with the engines in them, one for each command and engine; tool/program.c
# looks for them beside it and there.
if(ROOST_TOOL)
  install(TARGETS roost_tool RUNTIME COMPONENT tool)
  set(programs roost_bench)
  foreach(engine ${ROOST_ENGINES})
    list(APPEND programs roost-replay-${engine} roost-timing-${engine} roost-map-${engine})
    if(TARGET roost-explore-${engine})
      list(APPEND programs roost-explore-${engine})
    endif()
  endforeach()
  install(TARGETS ${programs} RUNTIME DESTINATION ${ROOST_LIBEXEC} COMPONENT tool)
  foreach(peer ${ROOST_BENCH_PEERS})
    install(TARGETS bench_peer_${peer} LIBRARY DESTINATION ${ROOST_LIBEXEC} COMPONENT tool)
  endforeach()
  install(DIRECTORY lab/scenarios lab/traces COMPONENT tool
          DESTINATION ${CMAKE_INSTALL_DATADIR}/roost
          FILES_MATCHING PATTERN *.scn PATTERN *.zst)
endif()

# The manual: a page for each header, made of it, and one for the tool.
set(manual ${CMAKE_CURRENT_BINARY_DIR}/man3)
install(CODE "
  file(REMOVE_RECURSE ${manual})
  file(MAKE_DIRECTORY ${manual})
  file(GLOB headers ${PROJECT_SOURCE_DIR}/include/roost/*.h)
  foreach(header \${headers})
    execute_process(COMMAND ${PROJECT_SOURCE_DIR}/man/from-header \${header} ${manual}
                    COMMAND_ERROR_IS_FATAL ANY)
  endforeach()" COMPONENT development)
install(DIRECTORY ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT development)
if(ROOST_TOOL)
  install(FILES man/roost.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tool)
endif()
