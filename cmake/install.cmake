# SPDX-License-Identifier: MIT
# What `make install` installs, by GNUInstallDirs. Three components: runtime (the shared library),
# development (headers, static library, pkg-config, CMake, manual) and tool.
include(CMakePackageConfigHelpers)

# Directories that are made here others can look into, whatever the umask. Those that are there stay as
# they are. roost_install_directories(COMPONENT DIRECTORIES...)
function(roost_install_directories component)
  list(JOIN ARGN "]==] [==[" directories)
  install(CODE "
    foreach(directory [==[${directories}]==])
      cmake_path(ABSOLUTE_PATH directory BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
      set(directory \"\$ENV{DESTDIR}\${directory}\")
      cmake_path(ABSOLUTE_PATH directory)
      set(missing)
      while(NOT EXISTS \"\${directory}\")
        list(PREPEND missing \"\${directory}\")
        cmake_path(GET directory PARENT_PATH directory)
      endwhile()
      foreach(directory IN LISTS missing)
        file(MAKE_DIRECTORY \"\${directory}\")
        file(CHMOD \"\${directory}\" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
             WORLD_READ WORLD_EXECUTE)
      endforeach()
    endforeach()" COMPONENT ${component})
endfunction()
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/roost)
roost_install_directories(runtime ${CMAKE_INSTALL_LIBDIR})
roost_install_directories(development ${CMAKE_INSTALL_INCLUDEDIR} ${CMAKE_INSTALL_LIBDIR}/pkgconfig
                          ${package} ${CMAKE_INSTALL_MANDIR}/man3)
if(ROOST_TOOL)
  roost_install_directories(tool ${CMAKE_INSTALL_BINDIR} ${ROOST_LIBEXEC} ${CMAKE_INSTALL_DATADIR}/roost
                            ${CMAKE_INSTALL_MANDIR}/man1 ${ROOST_BASH_COMPLETIONS} ${ROOST_ZSH_COMPLETIONS})
endif()

install(TARGETS ${ROOST_LIBRARIES} EXPORT roost-targets
        LIBRARY COMPONENT runtime NAMELINK_COMPONENT development
        ARCHIVE COMPONENT development)
install(DIRECTORY include/roost DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN *.h)

# Made when it is installed: only then it is known where to (cmake --install --prefix).
set(private -pthread)
if(NOT ROOST_ATOMIC_INLINE)
  string(APPEND private " -latomic")
endif()
if(ROOST_LIBNUMA AND ROOST_LIBNUMA_INCLUDE AND ROOST_ENGINE STREQUAL sets)
  string(APPEND private " -lnuma")
endif()
set(libs -lroost)
if(NOT TARGET roost_shared) # a program that links without --static gets that library all the same
  string(APPEND libs " ${private}")
endif()
install(CODE "
  set(prefix \"\${CMAKE_INSTALL_PREFIX}\")
  foreach(dir includedir libdir)
    if(dir STREQUAL includedir)
      set(path [==[${CMAKE_INSTALL_INCLUDEDIR}]==])
    else()
      set(path [==[${CMAKE_INSTALL_LIBDIR}]==])
    endif()
    if(NOT IS_ABSOLUTE \"\${path}\")
      string(PREPEND path [==[\${prefix}/]==])
    endif()
    set(\${dir} \"\${path}\")
  endforeach()
  set(version [==[${PROJECT_VERSION}]==])
  set(libs [==[${libs}]==])
  set(private [==[${private}]==])
  configure_file([==[${PROJECT_SOURCE_DIR}/cmake/roost.pc.in]==] [==[${PROJECT_BINARY_DIR}/roost.pc]==]
                 @ONLY)" COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/roost.pc COMPONENT development
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(cmake/roost-config.cmake.in ${PROJECT_BINARY_DIR}/roost-config.cmake
                              INSTALL_DESTINATION ${package})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/roost-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/roost-config.cmake
              ${PROJECT_BINARY_DIR}/roost-config-version.cmake
        DESTINATION ${package} COMPONENT development)
install(EXPORT roost-targets NAMESPACE roost:: DESTINATION ${package} COMPONENT development)

# The tool runs programs with the engines in them, one for each command and engine; tool/common/program.c
# looks for them beside it and there.
if(ROOST_TOOL)
  install(TARGETS roost_tool RUNTIME COMPONENT tool)
  set(programs roost-replay-peer)
  foreach(engine linux-pcp zone)
    list(APPEND programs roost-replay-${engine} roost-timing-${engine})
  endforeach()
  if(TARGET roost_bench)
    list(APPEND programs roost_bench)
  endif()
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
  if(TARGET roost_scale)
    install(TARGETS roost_scale RUNTIME DESTINATION ${ROOST_LIBEXEC} COMPONENT tool)
    install(TARGETS ${ROOST_SCALE_PEERS} LIBRARY DESTINATION ${ROOST_LIBEXEC} COMPONENT tool)
  endif()
  if(TARGET roost-explore-sets)
    install(PROGRAMS lab/mutate/roost-mutate DESTINATION ${ROOST_LIBEXEC} COMPONENT tool)
    install(FILES lab/mutate/build.py lab/mutate/changes.py lab/mutate/faults.py lab/mutate/limited.py
            DESTINATION ${ROOST_LIBEXEC} COMPONENT tool)
  endif()
  install(DIRECTORY lab/scenarios lab/traces COMPONENT tool
          DESTINATION ${CMAKE_INSTALL_DATADIR}/roost
          FILES_MATCHING PATTERN *.scn PATTERN *.zst)
endif()

# The manual: a page for each header, made of it, and one for the tool. Each header has a directory of
# its own below the build directory, which is made anew: what is no longer declared has no page.
foreach(name roost posix cache pool serve pcpbuddy)
  set(header ${PROJECT_SOURCE_DIR}/include/roost/${name}.h)
  set(manual ${PROJECT_BINARY_DIR}/manual/${name})
  add_custom_command(OUTPUT ${manual}.made
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${manual}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${manual}
    COMMAND ${CMAKE_COMMAND} -E env CC=${CMAKE_C_COMPILER} ${PROJECT_SOURCE_DIR}/man/from-header ${header} ${manual}
    COMMAND ${CMAKE_COMMAND} -E touch ${manual}.made
    DEPENDS ${header} ${PROJECT_SOURCE_DIR}/man/from-header ${PROJECT_SOURCE_DIR}/scripts/public-functions
    COMMENT "Manual of roost/${name}.h" VERBATIM)
  list(APPEND manuals ${manual}.made)
  string(REGEX REPLACE "[][*?]" "[\\0]" pattern ${manual})
  # Not as a directory: man3 may be there, and be others'.
  install(CODE "
    file(GLOB pages [==[${pattern}/*.3]==])
    set(directory [==[${CMAKE_INSTALL_MANDIR}/man3]==])
    cmake_path(ABSOLUTE_PATH directory BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
    file(INSTALL DESTINATION \"\${directory}\" TYPE FILE FILES \${pages})" COMPONENT development)
endforeach()
add_custom_target(roost_manual ALL DEPENDS ${manuals})
if(ROOST_TOOL)
  install(FILES man/roost.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tool)
  install(FILES completions/roost.bash RENAME roost DESTINATION ${ROOST_BASH_COMPLETIONS} COMPONENT tool)
  install(FILES completions/_roost DESTINATION ${ROOST_ZSH_COMPLETIONS} COMPONENT tool)
endif()
