//! Content that stands for other content: what git has where a filter was not there to fetch or decrypt
//! it. Used as it is, it would reach a tool in the place of the file.

/// What stands in the place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// A pointer of Git LFS.
    Lfs,
    /// A file that git-crypt has locked.
    GitCrypt,
}

impl Placeholder {
    /// What these bytes stand for; none if for themselves.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const POINTERS: [&[u8]; 2] =
            [b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/"];
        let is_pointer = bytes.len() < 1024
            && POINTERS.iter().any(|begin| bytes.starts_with(begin))
            && bytes.windows(12).any(|part| part == b"\noid sha256:");
        if is_pointer {
            Some(Self::Lfs)
        } else if bytes.starts_with(b"\0GITCRYPT\0") {
            Some(Self::GitCrypt)
        } else {
            None
        }
    }

    /// What it is, as in `x is a Git LFS pointer`.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Lfs => "is a Git LFS pointer; its content is not here",
            Self::GitCrypt => "is locked by git-crypt",
        }
    }

    /// The command that puts the content there.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::Lfs => "git lfs pull",
            Self::GitCrypt => "git-crypt unlock",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_for_something_else_is_a_placeholder() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 5\n";
        assert_eq!(Placeholder::of(pointer), Some(Placeholder::Lfs));
        assert_eq!(Placeholder::of(b"\0GITCRYPT\0\x01\x02"), Some(Placeholder::GitCrypt));
        let long = [&pointer[..], &[b'x'; 2000]].concat();
        for other in
            [&b""[..], b"version 1", b"# version https://git-lfs.github.com/spec/v1\noid sha256:1", &long]
        {
            assert_eq!(Placeholder::of(other), None);
        }
    }
}
