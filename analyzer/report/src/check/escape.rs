//! Text from code and from programs, made harmless: it can neither mention people, nor write markup, nor give commands.

/// Characters of a name that are shown.
const NAME_CHARACTERS_MAX: usize = 160;

/// Characters of a sentence that are shown.
const SENTENCE_CHARACTERS_MAX: usize = 600;

/// A character without width that keeps a forge from reading `@name`, `#12`, `www.` and `://` as what they look like.
const JOINER: char = '\u{2060}';

/// A name in backticks, which no forge looks into.
pub(super) fn code(text: &str) -> String {
    let text = clipped(&visible(text), NAME_CHARACTERS_MAX);
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}

/// A sentence in which backticks may stand around names. What is between them stays as it is; the rest is no markup.
pub fn inline(text: &str) -> String {
    let text = clipped(&visible(text), SENTENCE_CHARACTERS_MAX);
    let parts: Vec<&str> = text.split('`').collect();
    let mut shown = String::new();
    let mut at = 0;
    while let Some(part) = parts.get(at) {
        escape(part, &mut shown);
        match (parts.get(at + 1), parts.get(at + 2)) {
            (Some(name), Some(_)) if !name.is_empty() => shown += &code(name),
            // A backtick without another is an apostrophe, and so are two without anything between them.
            (Some(name), next) => {
                shown.push('\'');
                escape(name, &mut shown);
                shown.extend(next.map(|_| '\''));
            }
            (None, _) => {}
        }
        at += 2;
    }
    shown
}

/// Owners of code, who are meant to be told.
pub(super) fn names(owners: &[String]) -> String {
    let owner = |owner: &String| {
        let is_plain = |character: char| character.is_alphanumeric() || "@._-/+".contains(character);
        let name: String = visible(owner).chars().filter(|character| is_plain(*character)).collect();
        clipped(&name, NAME_CHARACTERS_MAX).replace('_', "\\_")
    };
    owners.iter().map(owner).collect::<Vec<_>>().join(" ")
}

fn escape(text: &str, into: &mut String) {
    let mut before = ' ';
    for character in text.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '|' | '*' | '[' | ']' | '~' | '\\' | '$' => into.extend(['\\', character]),
            // Between letters an underscore is none of markdown's.
            '_' if !before.is_alphanumeric() => into.push_str("\\_"),
            '@' | '#' => into.extend([character, JOINER]),
            // GitLab reads `!12` as a merge request, and markdown `![` as a picture.
            '!' => into.extend([character, JOINER]),
            '/' if before == ':' => into.extend([JOINER, character]),
            '.' if into.ends_with("www") => into.extend([JOINER, character]),
            other => into.push(other),
        }
        before = character;
    }
}

/// One line without characters that a person does not see: control characters, and those that turn the direction.
fn visible(text: &str) -> String {
    let shown = text.chars().map(|character| if character.is_whitespace() { ' ' } else { character });
    let is_hidden = |character: &char| {
        character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    shown.filter(|character| !is_hidden(character)).collect()
}

/// The start and the end of what is too long.
fn clipped(text: &str, characters_max: usize) -> String {
    let count = text.chars().count();
    if count <= characters_max {
        return text.to_owned();
    }
    let half = characters_max / 2;
    let end: String = text.chars().skip(count - half).collect();
    text.chars().take(half).chain(['…']).collect::<String>() + &end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_piece_of_code() {
        assert_eq!(code("a`b|c\n@all"), "`a'b\\|c @all`");
        assert_eq!(code("x\u{202e}\u{200b}y\u{7}"), "`xy`");
        let long = code(&"n".repeat(1000));
        assert_eq!(long.chars().count(), NAME_CHARACTERS_MAX + 3);
    }

    #[test]
    fn a_sentence_gives_no_commands() {
        let cases = [
            ("on the head, `app.py` ended", "on the head, `app.py` ended"),
            ("<img src=x> @all #1 !2", "&lt;img src=x> @\u{2060}all #\u{2060}1 !\u{2060}2"),
            ("[a](https://b) *c* d_e _f_", "\\[a\\](https:\u{2060}//b) \\*c\\* d_e \\_f_"),
            ("one ` alone <b>", "one ' alone &lt;b>"),
            ("two `` and `<i>@x` and ` more", "two '' and `<i>@x` and ' more"),
            ("a\n/merge www.evil.example", "a /merge www\u{2060}.evil.example"),
        ];
        for (text, expected) in cases {
            assert_eq!(inline(text), expected, "{text}");
        }
    }

    #[test]
    fn owners_are_names_only() {
        assert_eq!(names(&["@o/te_am".into(), "a@b.c".into(), "<b>[x](y)".into()]), "@o/te\\_am a@b.c bxy");
    }
}
