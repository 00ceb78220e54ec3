//! Which file systems do not announce every change through inotify: those that can be changed on another machine, or underneath.

use std::path::Path;

/// The kernel's numbers of file systems, and their names.
const UNANNOUNCED: [(u32, &str); 16] = [
    (0x0000_6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0000_517b, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x794c_7630, "overlayfs"),
    (0x786f_4256, "vboxsf"),
    (0xbacb_acbc, "vmhgfs"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
    (0x0000_564c, "NCP"),
    (0x0bd0_0bd0, "Lustre"),
    (0x0116_1970, "GFS2"),
];

/// The name of a directory's file system, if it does not announce every change.
pub fn unannounced(directory: &Path) -> Option<&'static str> {
    let number = u32::try_from(rustix::fs::statfs(directory).ok()?.f_type & 0xffff_ffff).ok()?;
    UNANNOUNCED.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}
