//! The `lockstep` program: hands everything to the library and gives the exit code back.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    lockstep::cli::main()
}
