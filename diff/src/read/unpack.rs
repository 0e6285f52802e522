//! gzip, xz and zstd: what a file holds once it is unpacked.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use super::{MAX_BYTES, ReadError};

/// How compressed files begin, what made them, and how they are unpacked; no way where there is none.
type Unpack = fn(&[u8], &mut Limited) -> io::Result<()>;
const COMPRESSED: [(&[u8], &str, Option<Unpack>); 4] = [
    (b"\x1f\x8b", "gzip", Some(gzip)),
    (b"\xfd7zXZ\0", "xz", Some(xz)),
    (b"\x28\xb5\x2f\xfd", "zstd", Some(zstd)),
    (b"BZh", "bzip2", None),
];

/// Takes no more than [`MAX_BYTES`].
struct Limited(Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(io::Error::other(format!("more than {} MiB once unpacked", MAX_BYTES >> 20)));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gzip(bytes: &[u8], out: &mut Limited) -> io::Result<()> {
    io::copy(&mut flate2::read::MultiGzDecoder::new(bytes), out).map(|_| ())
}

fn xz(mut bytes: &[u8], out: &mut Limited) -> io::Result<()> {
    lzma_rs::xz_decompress(&mut bytes, out).map_err(|e| io::Error::other(format!("{e:?}")))
}

fn zstd(bytes: &[u8], out: &mut Limited) -> io::Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        let decoder = ruzstd::decoding::StreamingDecoder::new(&mut left).map_err(io::Error::other)?;
        io::copy(&mut decoder.take(MAX_BYTES as u64 + 1), out)?;
    }
    Ok(())
}

/// The bytes themselves, or what they unpack to.
///
/// # Errors
/// They are damaged, cut, too large once unpacked, or compressed in a way that is not known here.
pub fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, ReadError> {
    let Some((_, what, unpack)) = COMPRESSED.iter().find(|(magic, ..)| bytes.starts_with(magic)) else {
        return Ok(bytes);
    };
    let Some(unpack) = unpack else {
        return Err(ReadError::whole(format!("binary data, compressed by {what}; unpack it first")));
    };
    let mut out = Limited(Vec::new());
    unpack(&bytes, &mut out).map_err(|e| {
        let why: Cow<'_, str> = match e.kind() {
            io::ErrorKind::UnexpectedEof => "cut off".into(),
            _ => e.to_string().into(),
        };
        ReadError::whole(format!("compressed by {what}, and it cannot be unpacked ({why})"))
    })?;
    Ok(out.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff\n";

    #[test]
    fn packed_text_is_the_text() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(TEXT).expect("in memory");
        let gz = gz.finish().expect("in memory");
        let mut xz = Vec::new();
        lzma_rs::xz_compress(&mut &TEXT[..], &mut xz).expect("in memory");
        let zst = ruzstd::encoding::compress_to_vec(TEXT, ruzstd::encoding::CompressionLevel::Fastest);
        for packed in [&gz, &xz, &zst] {
            assert_eq!(unpacked(packed.clone()).as_deref(), Ok(TEXT));
            let cut = packed[..packed.len() - 6].to_vec();
            assert!(unpacked(cut).is_err_and(|e| e.message.contains("cannot be unpacked")));
        }
        assert_eq!(unpacked(TEXT.to_vec()).as_deref(), Ok(TEXT));
        // The footer says how long the index is: no number there is too large to be an error.
        let footer = xz.len() - 8;
        xz[footer..footer + 4].fill(0xff);
        assert!(unpacked(xz).is_err_and(|e| e.message.contains("Invalid index size")));
    }
}
