# SPDX-License-Identifier: MIT
# Builds for riscv64 Linux with Debian's cross compiler; programs run under QEMU's user emulation. They are
# linked statically: QEMU 7.2 hangs in pthread_create() of dynamic aarch64 programs.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(CMAKE_C_COMPILER riscv64-linux-gnu-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-riscv64-static)
