import Glibc

// What the numbers of the commonest errors mean for a file of the log, in words.

extension FileSystemError {
    /// The device, or the file system on it, has lost what was asked for: nobody's right, name or room is what is missing.
    public var isOfDevice: Bool {
        switch reason {
        // What block devices say, and what file systems say of metadata and data whose checksums do not agree.
        case .failed(errno: EIO), .failed(errno: EUCLEAN), .failed(errno: EBADMSG): true
        default: false
        }
    }

    /// It lies in the file itself: nothing that another user, another moment or more room would change.
    var isOfFile: Bool {
        switch reason {
        case .notFound, .isFolder, .failed(errno: ELOOP), .failed(errno: ENXIO), .failed(errno: ENOTDIR): true
        default: isOfDevice
        }
    }
}

extension FileSystemError.Reason {
    /// A folder where a file was meant.
    static let isFolder = Self.failed(errno: EISDIR)

    /// What a number means; the number itself where it is rare.
    static func words(_ code: Int32) -> String {
        switch code {
        case EACCES, EPERM: "it is not permitted"
        case EROFS: "its file system can only be read"
        case EISDIR: "it is a folder"
        case ENOTDIR: "it, or what it should lie in, is no folder"
        case ELOOP: "it is a link"
        case ENXIO: "it is a pipe, a socket or a device"
        case ENAMETOOLONG: "its name is too long"
        case EMFILE, ENFILE: "too many files are open"
        case ENOMEM: "there is no memory left"
        case EIO: "the device failed"
        case EUCLEAN, EBADMSG: "its file system is damaged"
        default: "error \(code)"
        }
    }

    /// What to do, in some words.
    var advice: String {
        switch self {
        case .notFound, .failed(errno: ENOTDIR), .failed(errno: ENAMETOOLONG): "look at the path"
        case .exists, .isFolder, .failed(errno: ELOOP), .failed(errno: ENXIO):
            "move it away, and put back the file that belongs there, if one does"
        case .full: "make room, then start again"
        case .failed(errno: EACCES), .failed(errno: EPERM), .failed(errno: EROFS): "give this user the right to it"
        case .failed(errno: EMFILE), .failed(errno: ENFILE): "let this user open more"
        case .failed: "check the disk, then start again"
        }
    }
}
