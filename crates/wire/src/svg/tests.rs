//! Drawings made and read back.

use insta::assert_snapshot;
use model::{Batch, FrameKind};
use proptest::prelude::*;
use testkit::{batch_from_folded, random_batch, to_folded};

use super::*;
use crate::{folded, frame_text};

const FEED: &str = "main;feed;alloc::vec<[u8; 8]>;do_read_[k] 300000000
main;feed;render (feed/views.py:12) 600000000
main;operator new 5 100000000
";

fn draw(batch: &Batch) -> String {
    String::from_utf8(write(batch, &Options::default()).unwrap()).unwrap()
}

fn feed() -> Batch {
    // The fixture's own text splits at `;`, so the name that has one is put in afterwards.
    let mut batch = batch_from_folded(&FEED.replace("[u8; 8]", "[u8, 8]"));
    for frame in &mut batch.frames {
        frame.function = frame.function.replace("[u8, 8]", "[u8; 8]").into();
    }
    batch
}

#[test]
fn the_head_and_the_titles_are_for_people() {
    let svg = draw(&feed());
    let head: String = svg.chars().take_while(|c| *c != '[').collect();
    let head = head.split("<!--").next().unwrap();
    let titles: Vec<&str> =
        svg.split("<title>").skip(1).filter_map(|rest| rest.split("</title>").next()).collect();
    assert_snapshot!(format!("{head}\n{}", titles.join("\n")), @r#"
    <?xml version="1.0" standalone="no"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd"><svg version="1.1" width="1200" height="150" onload="init(evt)" viewBox="0 0 1200 150" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:fg="http://github.com/jonhoo/inferno">
    alloc::vec&lt;[u8; 8]&gt; (300 ms, 30.00%)
    do_read (300 ms, 30.00%)
    feed (900 ms, 90.00%)
    render (feed/views.py:12) (600 ms, 60.00%)
    all (1,000 ms, 100%)
    main (1,000 ms, 100.00%)
    operator new 5 (100 ms, 10.00%)
    "#);
    assert!(svg.contains(r#"<g class="kernel">"#) && svg.contains(r#"<g class="python">"#));
}

#[test]
fn the_same_batch_draws_the_same_bytes() {
    assert_eq!(draw(&feed()), draw(&feed()));
}

#[test]
fn our_drawings_read_back() {
    for inverted in [false, true] {
        let options = Options { title: "a < b".into(), subtitle: Some("c".into()), inverted };
        let back = read(&write(&feed(), &options).unwrap()).unwrap();
        assert_eq!(to_folded(&back), FEED);
        let kinds: Vec<FrameKind> = back.frames.iter().map(|frame| frame.kind).collect();
        assert!(kinds.contains(&FrameKind::Kernel) && kinds.contains(&FrameKind::Python));
    }
}

/// What the original Perl script draws: sizes in pixels, no values beside them.
const PERL: &str = r#"<?xml version="1.0" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg version="1.1" width="1200" height="150" onload="init(evt)" xmlns="http://www.w3.org/2000/svg">
<rect x="0.0" y="0" width="1200.0" height="150.0" fill="url(#background)"  />
<text id="title" x="600.00" y="24">Flame Graph</text>
<g id="frames">
<g ><title>b&lt;int&gt; (1,200 samples, 60.00%)</title><rect x="10.0" y="69" width="708.0" height="15.0" rx="2" ry="2" />
<text  x="13.00" y="79.5" >b</text></g>
<g ><title>a (1,600 samples, 80.00%)</title><rect x="10.0" y="85" width="944.0" height="15.0" rx="2" ry="2" />
<text  x="13.00" y="95.5" >a</text></g>
<g ><title>vfs_read_[k] (400 samples, 20.00%)</title><rect x="954.0" y="85" width="236.0" height="15.0" /></g>
<g ><title>all (2,000 samples, 100%)</title><rect x="10.0" y="101" width="1180.0" height="15.0" rx="2" ry="2" />
<text  x="13.00" y="111.5" ></text></g>
</g>
</svg>"#;

#[test]
fn the_original_scripts_drawings_read() {
    assert_eq!(to_folded(&read(PERL.as_bytes()).unwrap()), "a 400\na;b<int> 1200\nvfs_read_[k] 400\n");
    let lost = PERL.replace(r#"x="10.0" y="85""#, r#"x="1180.0" y="85""#);
    assert_eq!(
        read(lost.as_bytes()).unwrap_err().to_string(),
        "this is not a whole SVG file: the rectangle of `a` stands on no other"
    );
}

#[test]
fn what_was_too_narrow_still_counts() {
    let batch = batch_from_folded("main;feed 9999999\nmain;rare 1\nother 1");
    let back = read(draw(&batch).as_bytes()).unwrap();
    assert_eq!(to_folded(&back), "[not drawn] 1\nmain 1\nmain;feed 9999999\n");
}

#[test]
fn nothing_is_not_drawn() {
    let error = write(&Batch::default(), &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "the profile has no samples to draw");
}

proptest! {
    #[test]
    fn random_batches_keep_their_total(seed: u64) {
        let batch = random_batch(seed);
        prop_assume!(batch.total() > 0);
        let back = read(draw(&batch).as_bytes()).unwrap();
        prop_assert_eq!(back.total(), batch.total());
        let drawn = folded::lines(&back, frame_text::plain);
        // Only what is narrower than a ten thousandth is not drawn, and its caller has its value.
        let slack = batch.total() / 1_000;
        for (stack, value) in folded::lines(&batch, |frame| frame_text::plain(frame).replace('\n', " ")) {
            let found = drawn.get(&stack).copied().unwrap_or_default();
            prop_assert!(found + slack >= value, "{stack}: {value} became {found}");
        }
    }

    #[test]
    fn read_never_panics(seed: u64, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = if seed % 2 == 0 { PERL.as_bytes().to_vec() } else { draw(&feed()).into_bytes() };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(batch) = read(&bytes) {
            prop_assert_eq!(batch.check(), Ok(()));
        }
    }

    #[test]
    fn read_never_panics_on_any_text(text in "(?s)[<>/a-z\"= &;()0-9]{0,100}") {
        let _ = read(text.as_bytes());
    }
}
