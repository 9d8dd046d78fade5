//! Records in an append-only file: the framing of `TFRecord`, which other tools read too.
//!
//! Each record is its length (64 bits, little-endian), a checksum of the length, its bytes, and a checksum of them;
//! checksums are CRC-32C, masked as in that format. So an incomplete record can be told from a damaged one, and neither
//! is taken for a valid one.

use std::io::{self, Read, Seek, SeekFrom};

const HEADER: usize = 12;
const FOOTER: usize = 4;
/// Records must be smaller: a response of the server has at most 32 MiB unless the user allows more.
const LARGEST: u64 = 1 << 32;

/// Appends a record.
pub(super) fn append(out: &mut Vec<u8>, record: &[u8]) {
    let length = (record.len() as u64).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked(&length).to_le_bytes());
    out.extend_from_slice(record);
    out.extend_from_slice(&masked(record).to_le_bytes());
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Reads record after record.
pub(super) struct Frames<R> {
    from: R,
    /// Where the next record begins.
    offset: u64,
}

pub(super) enum Frame {
    Record(Vec<u8>),
    /// There is no complete record here.
    Broken(&'static str),
    End,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, offset: 0 }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn next(&mut self) -> io::Result<Frame> {
        let mut header = [0; HEADER];
        match read_up_to(&mut self.from, &mut header)? {
            0 => return Ok(Frame::End),
            HEADER => {}
            _ => return Ok(Frame::Broken("a record is not complete")),
        }
        let Some(length) = length(&header) else {
            return Ok(Frame::Broken("the checksum of a length is wrong"));
        };
        let mut record = Vec::new();
        let end = length + FOOTER as u64;
        if (&mut self.from).take(end).read_to_end(&mut record)? as u64 != end {
            return Ok(Frame::Broken("a record is not complete"));
        }
        let sum = record.split_off(record.len() - FOOTER);
        if masked(&record).to_le_bytes() != *sum {
            return Ok(Frame::Broken("the checksum of a record is wrong"));
        }
        self.offset += HEADER as u64 + end;
        Ok(Frame::Record(record))
    }
}

impl<R: Seek> Frames<R> {
    /// Continues with the record at this offset.
    pub(super) fn go_to(&mut self, offset: u64) -> io::Result<()> {
        self.offset = self.from.seek(SeekFrom::Start(offset))?;
        Ok(())
    }
}

fn length(header: &[u8; HEADER]) -> Option<u64> {
    let (length, sum) = header.split_first_chunk::<8>()?;
    let right = masked(length).to_le_bytes() == *sum;
    Some(u64::from_le_bytes(*length)).filter(|length| right && *length < LARGEST)
}

fn read_up_to(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether the last bytes of a file, which are not a complete record, are the beginning of one, as a run leaves it that
/// is killed during a write. After a power loss, zeros may be in place of the rest. No record ends in a zero, but its
/// checksum may.
pub(super) fn is_torn(tail: &[u8]) -> bool {
    let written = tail.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let Some((header, rest)) = tail.split_first_chunk::<HEADER>() else {
        return true;
    };
    let Some(length) = length(header).and_then(|length| usize::try_from(length).ok()) else {
        return written < HEADER;
    };
    let Some((record, sum)) = rest.split_at_checked(length) else {
        return true;
    };
    let same = sum
        .iter()
        .zip(masked(record).to_le_bytes())
        .take_while(|(one, other)| *one == other)
        .count();
    sum.len() < FOOTER || written < HEADER + length || written <= HEADER + length + same
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // tests
mod tests {
    use super::*;

    #[test]
    fn the_format_is_that_of_tfrecord() {
        // What the `tfrecord` package of Python writes for `hello`.
        let mut out = Vec::new();
        append(&mut out, b"hello");
        let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0500000000000000eab2043e68656c6c6fbb1f1c19");
    }

    #[test]
    fn a_record_that_is_cut_off_is_none() {
        let mut file = Vec::new();
        append(&mut file, b"one");
        let first = file.len();
        append(&mut file, b"two");
        for end in first + 1..file.len() {
            let mut frames = Frames::new(&file[..end]);
            assert!(matches!(frames.next().unwrap(), Frame::Record(record) if record == b"one"));
            assert!(matches!(frames.next().unwrap(), Frame::Broken(_)), "{end}");
            assert_eq!(frames.offset(), first as u64);
            let mut zeros = file[first..end].to_vec();
            assert!(is_torn(&zeros));
            for length in [file.len() - first, file.len() - first + 1, 5_000] {
                zeros.resize(length, 0);
                assert!(is_torn(&zeros), "{end} {length}");
            }
            zeros.push(b'!');
            assert!(!is_torn(&zeros), "that was not left by a crash");
        }
    }

    #[test]
    fn every_bit_counts() {
        let mut file = Vec::new();
        append(&mut file, b"one");
        append(&mut file, b"two");
        for bit in 0..file.len() / 2 * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                matches!(Frames::new(&*damaged).next().unwrap(), Frame::Broken(_)),
                "{bit}"
            );
            assert!(!is_torn(&damaged), "{bit}");
            // A last byte that has lost its only set bit looks like one that was not written.
            let last = &damaged[..file.len() / 2];
            assert!(!is_torn(last) || last.ends_with(&[0]), "{bit}, and nothing follows");
        }
    }
}
