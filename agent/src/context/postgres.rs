//! PostgreSQL: where a backend keeps the text of the query that it runs.

use object::{ReadRef, elf};

use super::elf::Elf;

/// Exported for extensions: a pointer to the text as the client sent it, null between statements.
const SYMBOL: &str = "debug_query_string";
const PROGRAM: &str = "postgres";

/// Runtime address of the pointer to the running query's text, for a program called `postgres`.
pub(crate) fn query_text_pointer<'data, R: ReadRef<'data>>(
    elf: &Elf<'data, R>,
    path: &str,
    bias: u64,
) -> Option<u64> {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let is_server = path.rsplit('/').next() == Some(PROGRAM);
    let symbol = is_server.then(|| elf.exported_symbol(SYMBOL, elf::STT_OBJECT)).flatten()?;
    (symbol.size == 8).then_some(symbol.value.wrapping_add(bias))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::testing::{self, Build};

    #[test]
    fn the_pointer_is_found_in_a_running_program_of_that_name() {
        let directory = tempfile::tempdir().unwrap();
        let source = r#"
            #include <stdio.h>
            #include <unistd.h>
            const char *debug_query_string = "SELECT 1";
            int main(void) { printf("%p\n", (void *)&debug_query_string); fflush(stdout); pause(); }
        "#;
        let build = Build { flags: &["-pie", "-fPIE", "-rdynamic"], ..Build::program("postgres", source) };
        let program = testing::compile(directory.path(), &build);
        let child = testing::Child::start(&program, &[]);
        let pointer = testing::number(&child.line);
        let (start, offset) = child.mapping(&program);

        let bytes = std::fs::read(&program).unwrap();
        let elf = Elf::parse(bytes.as_slice()).unwrap();
        let bias = elf.bias(start, offset).unwrap();
        let path = program.to_str().unwrap();
        assert_eq!(query_text_pointer(&elf, path, bias), Some(pointer));
        assert_eq!(query_text_pointer(&elf, &format!("{path} (deleted)"), bias), Some(pointer));
        assert_eq!(query_text_pointer(&elf, "/usr/bin/psql", bias), None);
    }

    #[test]
    fn the_installed_server_has_the_pointer_among_its_data() {
        let Some(path) = testing::installed_postgres() else {
            println!("skipped: no PostgreSQL server in /usr/lib/postgresql");
            return;
        };
        let bytes = std::fs::read(&path).unwrap();
        let elf = Elf::parse(bytes.as_slice()).unwrap();
        let pointer = query_text_pointer(&elf, path.to_str().unwrap(), 0).unwrap();
        let data = elf.section(".bss").or_else(|| elf.section(".data")).unwrap();
        assert!(pointer > data.address && pointer % 8 == 0, "{pointer:#x}");
    }
}
