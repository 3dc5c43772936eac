//! Prints the path of the `protoc` binary that comes with a registry crate; `x setup` reads it.
fn main() {
    match protoc_bin_vendored::protoc_bin_path() {
        Ok(path) => println!("{}", path.display()),
        Err(error) => {
            eprintln!("no vendored protoc for this platform: {error}; install `protoc` and re-run");
            std::process::exit(2);
        }
    }
}
