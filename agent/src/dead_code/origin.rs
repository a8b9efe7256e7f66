//! Where code came from, by the name of its file: what a team can delete is its own.

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The program's own.
    Application,
    /// Installed by a package manager.
    Package,
    /// CPython's.
    StandardLibrary,
}

impl Origin {
    /// Decides by the file's name as the process has it.
    pub fn of(file: &str) -> Self {
        let is_under = |folder: &str| file.split('/').rev().skip(1).any(|part| part == folder);
        if is_under("site-packages") || is_under("dist-packages") {
            Self::Package
        } else if file.starts_with("<frozen ") || file == "<shim>" || is_in_library(file) {
            Self::StandardLibrary
        } else {
            Self::Application
        }
    }
}

/// True below a folder such as `lib/python3.11`, and in an archive such as `python311.zip`.
fn is_in_library(file: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_archive = |part: &str| {
        part.strip_prefix("python3").and_then(|rest| rest.strip_suffix(".zip")).is_some_and(is_number)
    };
    let mut above = "";
    file.split('/').any(|part| {
        let is_library = part.strip_prefix("python3.").is_some_and(is_number);
        let is_found = (is_library && above.starts_with("lib")) || is_archive(part);
        above = part;
        is_found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_whose_code_it_is() {
        let cases = [
            ("/srv/app/views.py", Origin::Application),
            ("views.py", Origin::Application),
            ("<string>", Origin::Application),
            ("/srv/python3.11/tool.py", Origin::Application),
            ("/usr/lib/python3.11/json/decoder.py", Origin::StandardLibrary),
            ("/opt/py/lib64/python3.9/os.py", Origin::StandardLibrary),
            ("<frozen importlib._bootstrap>", Origin::StandardLibrary),
            ("/usr/lib/python311.zip/os.py", Origin::StandardLibrary),
            ("/srv/env/lib/python3.11/site-packages/django/urls/base.py", Origin::Package),
            ("/usr/lib/python3/dist-packages/apt.py", Origin::Package),
            ("/srv/site-packages", Origin::Application),
        ];
        for (file, expected) in cases {
            assert_eq!(Origin::of(file), expected, "{file}");
        }
    }
}
