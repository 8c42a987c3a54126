use std::fs::{File, OpenOptions, metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::fcntl::OFlag;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("this cannot be read: {0}")]
    Failed(#[from] io::Error),
    #[error("this is no regular file; put a file there, or a link to one")]
    NotRegular,
    #[error("this has {size} bytes, and {most} are allowed; make it smaller, or raise the bound")]
    TooLarge { size: u64, most: usize },
}

/// Reads a regular file that holds at most so many bytes. Whatever else is there (a pipe that nobody writes to, a device that
/// never ends) is refused without waiting.
pub(super) fn read(path: &Path, most: usize) -> Result<Vec<u8>, Unread> {
    // To open a device can have effects, so what is there is looked at first.
    check(&metadata(path)?, most)?;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits())
        .open(path)?;
    check(&file.metadata()?, most)?;
    bounded(file, most)
}

fn check(metadata: &std::fs::Metadata, most: usize) -> Result<(), Unread> {
    if !metadata.is_file() {
        return Err(Unread::NotRegular);
    }
    if metadata.len() > most as u64 {
        return Err(Unread::TooLarge {
            size: metadata.len(),
            most,
        });
    }
    Ok(())
}

/// A file may grow while it is read, and files of some systems say that they are empty.
fn bounded(file: File, most: usize) -> Result<Vec<u8>, Unread> {
    let mut content = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut content)?;
    if content.len() > most {
        let size = content.len() as u64;
        return Err(Unread::TooLarge { size, most });
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn only_a_regular_file_of_the_right_length_is_read_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("good"), "12345").unwrap();
        symlink(path("good"), path("link")).unwrap();
        mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
        symlink("/dev/zero", path("device")).unwrap();
        symlink(path("circle"), path("circle")).unwrap();
        std::fs::create_dir(path("directory")).unwrap();
        File::create(path("sparse")).unwrap().set_len(2 << 30).unwrap();
        for name in ["good", "link"] {
            assert_eq!(read(&path(name), 5).unwrap(), b"12345", "{name}");
        }
        for name in ["pipe", "device", "directory"] {
            assert!(matches!(read(&path(name), 5), Err(Unread::NotRegular)), "{name}");
        }
        for (name, length) in [("good", 5), ("sparse", 2 << 30)] {
            let refused = read(&path(name), 4);
            assert!(
                matches!(refused, Err(Unread::TooLarge { size, most: 4 }) if size == length),
                "{name}"
            );
        }
        for name in ["circle", "nothing"] {
            assert!(matches!(read(&path(name), 5), Err(Unread::Failed(_))), "{name}");
        }
    }
}
