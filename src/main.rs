//! The `lockstep` program: hands everything to the library and gives the exit code back.

fn main() -> std::process::ExitCode {
    lockstep::cli::main()
}
