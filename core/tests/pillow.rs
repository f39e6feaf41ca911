//! Pictures, pixel by pixel as Pillow decodes and scales them.

use std::path::{Path, PathBuf};

use inference_core::image::{Frame, decode, resize};
use model_package::{Filter, Transparency};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    picture: String,
    width: usize,
    height: usize,
    resized: Vec<Resized>,
}

#[derive(Deserialize)]
struct Resized {
    filter: Filter,
    width: usize,
    height: usize,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pillow")
}

pub fn picture(name: &str) -> Vec<u8> {
    std::fs::read(folder().join("pictures").join(name)).unwrap()
}

fn read(bytes: &[u8]) -> Frame {
    decode(bytes, Transparency::Drop, 1_000_000).unwrap().into_rgb()
}

/// Takes the next pixels of what Pillow made.
fn take<'a>(expected: &mut &'a [u8], width: usize, height: usize) -> &'a [u8] {
    let (pixels, rest) = expected.split_at(width * height * 3);
    *expected = rest;
    pixels
}

#[test]
fn every_pixel_is_pillows() {
    let cases = std::fs::read(folder().join("cases.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&cases).unwrap();
    assert!(cases.len() >= 50, "{}", cases.len());
    let expected = std::fs::read(folder().join("expected.bin")).unwrap();
    let mut expected = expected.as_slice();
    for Case { picture: name, width, height, resized } in cases {
        let frame = read(&picture(&name));
        assert_eq!((frame.width, frame.height), (width, height), "{name}");
        assert!(frame.pixels == take(&mut expected, width, height), "{name}: other pixels");
        for Resized { filter, width, height } in resized {
            let scaled = resize(&frame, width, height, filter);
            let same = scaled.pixels == take(&mut expected, width, height);
            assert!(same, "{name}: other pixels at {width} by {height} with {filter:?}");
        }
    }
    assert!(expected.is_empty());
}

#[test]
fn gray_is_that_of_pillow() {
    // From Image.new("RGB", (1, 1), …).convert("L").
    for (rgb, gray) in [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([1, 2, 3], 2)] {
        let frame = Frame { width: 1, height: 1, channels: 3, pixels: rgb.into() };
        assert_eq!(frame.into_gray().pixels, [gray], "{rgb:?}");
    }
}

#[test]
fn transparent_pixels_show_the_ground() {
    // A picture whose alpha runs from 0 to 255.
    let bytes = picture("lossless-alpha.webp");
    let on = |transparency| decode(&bytes, transparency, 1_000_000).unwrap();
    let [plain, white, black] =
        [Transparency::Drop, Transparency::White, Transparency::Black].map(on);
    for ((plain, white), black) in plain.pixels.iter().zip(&white.pixels).zip(&black.pixels) {
        assert!(white >= plain && plain >= black, "{white} {plain} {black}");
    }
    assert_ne!(white, black);
}

#[test]
fn what_is_no_picture_is_refused() {
    let check = |bytes: &[u8], code: &str, message: &str| {
        let error = decode(bytes, Transparency::Drop, 1_000_000).expect_err(message);
        assert_eq!(error.code, code, "{error}");
        assert!(error.message.contains(message), "{message:?} is not in: {error}");
    };
    check(b"", "unsupported-image", "found nothing");
    check(b"hello", "unsupported-image", "found plain text");
    check(b"<svg/>", "unsupported-image", "found SVG");
    check(b"%PDF-1.7", "unsupported-image", "found PDF");
    check(b"II*\0", "unsupported-image", "found TIFF");
    check(b"\0\0\0\x1cftypheic", "unsupported-image", "found HEIC");
    check(b"\xff\xd8\xff", "invalid-image", "the JPEG is damaged or cut short");
    let png = picture("rgb.png");
    check(&png[..20], "invalid-image", "damaged");
    check(&png[..100], "invalid-image", "the PNG is damaged or cut short");
    let mut huge = png.clone();
    huge[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
    check(&huge, "image-too-large", "100000 by 100000 pixels, at most 1000000 in all");
    let mut huge = picture("rgb.bmp");
    huge[18..26].copy_from_slice(&[0xa0, 0x86, 1, 0, 0x60, 0x79, 0xfe, 0xff]);
    check(&huge, "image-too-large", "100000 by 100000 pixels, at most 1000000 in all");
    for (name, kind) in
        [("lossy.webp", "WebP"), ("still.gif", "GIF"), ("rgb.bmp", "BMP"), ("gray.jpg", "JPEG")]
    {
        let bytes = picture(name);
        check(&bytes[..bytes.len() / 2], "invalid-image", &format!("the {kind} is damaged"));
        let error = decode(&bytes, Transparency::Drop, 10).unwrap_err();
        assert_eq!(error.code, "image-too-large", "{name}");
    }
}

/// Damaged pictures are refused or read; neither panics nor takes more than a header promises.
#[test]
fn damage_never_panics() {
    let names: Vec<_> = std::fs::read_dir(folder().join("pictures"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for round in 0..40 {
        for name in &names {
            let mut bytes = std::fs::read(name).unwrap();
            for _ in 0..1 + round % 4 {
                let place = draw(bytes.len());
                bytes[place] = draw(256) as u8;
            }
            if round % 5 == 0 {
                bytes.truncate(draw(bytes.len()));
            }
            if let Ok(frame) = decode(&bytes, Transparency::Drop, 100_000) {
                assert_eq!(frame.pixels.len(), frame.width * frame.height * frame.channels);
            }
        }
    }
}
